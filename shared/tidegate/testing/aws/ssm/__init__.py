"""Run Command of AWS Systems Manager, which moto answers without running anything.

Here commands do run, on hosts that are a folder each. What is like the real service was read in
botocore's model of it, in the source of amazon-ssm-agent 3.3 and in answers that others recorded;
what is not known of it is chosen to be the harder one for who calls.
"""
