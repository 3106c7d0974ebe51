"""CodeDeploy's own API: `POST /`, AWS JSON 1.1; its clients work against it unchanged."""
