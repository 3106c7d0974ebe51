"""What CloudFormation made, of which there is nothing."""

from component.codedeploy.conftest import Aws


def test_there_is_nothing_to_delete_and_that_is_fine(aws: Aws):
    client = aws.client()

    for request in ({}, {"externalId": "arn:aws:cloudformation:us-east-1:1:stack/x/y"}):
        answer = client.delete_resources_by_external_id(**request)
        assert answer.keys() == {"ResponseMetadata"}
