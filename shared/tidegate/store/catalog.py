"""The catalog: what exists to be deployed, and where to."""

from sqlalchemy.orm import Session

from tidegate.store.applications import Applications
from tidegate.store.configs import Configs
from tidegate.store.found_hosts import FoundHosts
from tidegate.store.groups import Groups
from tidegate.store.hosts import Hosts
from tidegate.store.revision_lists import RevisionLists


class Catalog(Applications, Groups, Configs, Hosts, FoundHosts, RevisionLists):
    """Applications, deployment groups, deployment configs, hosts and revisions of one region.

    What is asked for by its id is found in any region.
    """

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self._region = region
