"""moto's server, with deployments that are there already: `api_moto.py DEPLOYMENTS PORT`."""

import logging
import sys

from api_work import APPLICATION, GROUPS, REGION, REVISION, group_name, numbered
from moto.codedeploy.models import codedeploy_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import main


def fill(deployments: int) -> None:
    backend = codedeploy_backends[DEFAULT_ACCOUNT_ID][REGION]
    backend.create_application(APPLICATION, "Server", [])
    for number in range(GROUPS):
        backend.create_deployment_group(
            APPLICATION, group_name(number), None, [], [], [], "arn:aws:iam::123456789012:role/x"
        )
    for id_ in numbered(deployments):
        made = backend.create_deployment(APPLICATION, group_name(0), REVISION)
        deployment = backend.deployments.pop(made)
        deployment.deployment_id = id_
        backend.deployments[id_] = deployment


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    fill(int(sys.argv[1]))
    main(["-H", "127.0.0.1", "-p", sys.argv[2]])
