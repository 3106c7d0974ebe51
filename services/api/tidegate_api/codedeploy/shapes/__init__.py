"""What requests and answers look like on CodeDeploy's wire: the names are AWS's own."""
