"""lab.yaml, and what it includes, becomes a `Lab`, or every mistake in it is told at once.

Three steps: read the files with positions (`lab.yaml_source`), give each part its shape
(`lab.schema`), check what the parts say about each other (`lab.checks`, `lab.claim_checks`).
A part without its shape is left out of the third step; the others go on. Only ConfigErrors is
raised, whatever the files hold.
"""

from pathlib import Path
from typing import Any, TypeVar

from lab.asking import Asking
from lab.cells import arms as arms_of
from lab.checks import check_defaults, check_experiment, check_name, check_raw_servers
from lab.claim_checks import check_claim
from lab.claims import KINDS, Claim, LimitClaim, experiment_of, metric_of
from lab.document import Document, Where, quote
from lab.driver_checks import check_driver
from lab.errors import ConfigErrors
from lab.includes import include
from lab.loads import LoadMix
from lab.map_checks import check_map
from lab.metrics import METRICS
from lab.mistakes import guess, near, shaped
from lab.model import ClassName
from lab.own_checks import check_own_arms, check_own_server
from lab.own_servers import FOREIGN, OwnServer, known
from lab.schema import Defaults, Experiment, File, Lab, Profile
from lab.search.checks import check_search
from lab.search.checks import read as read_search
from lab.shape import Shape
from lab.yaml_source import read
from servers.catalog import Server

__all__ = ["Lab", "load", "parse"]


S = TypeVar("S", bound=Shape)


def load(path: Path, more: bytes = b"") -> Lab:
    """Load lab.yaml, and more that the command line says. Raises ConfigErrors with one line for
    each mistake.
    """
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problem = f"{path}: cannot be read: {reason}. Name another file with --lab."
        raise ConfigErrors([problem]) from error
    return parse(raw, str(path), path.parent, more)


def parse(raw: bytes, name: str = "lab.yaml", folder: Path | None = None, more: bytes = b"") -> Lab:
    """Load the bytes of a lab.yaml. folder: where `include` starts; None: nothing to include."""
    document = read(raw, name)
    lab = None
    if isinstance(document.data, dict):
        include(document, folder, more)
        lab = _lab(document, folder)
    elif not document.problems:
        document.complain((), "this is not a mapping. Start with version: 1.")
    if lab is None or document.problems:
        raise ConfigErrors(document.lines())
    return lab


def _lab(document: Document, folder: Path | None) -> Lab | None:
    file = shaped(document, (), File, document.data)
    given = document.data.get("defaults")
    found = shaped(document, ("defaults",), Defaults, given) if isinstance(given, dict) else None
    defaults = found or Defaults()
    check_defaults(document, defaults)
    own = _servers(document)
    servers = _known(document, own)
    profiles = _profiles(document)
    experiments = _experiments(document, defaults, servers)
    claims = _claims(document, experiments)
    for experiment in experiments.values():
        check_own_arms(document, experiment, own)
        check_driver(document, experiment, folder)
        check_map(document, experiment)
    fit = {
        name: experiment
        for name, experiment in experiments.items()
        if check_experiment(document, experiment, profiles, servers)
    }
    for claim in claims.values():
        check_claim(document, claim, fit, profiles)
    searches = {
        n: read_search(document, ("searches", n), item)
        for n, item in _items(document, "searches").items()
    }
    sought = {name: search for name, search in searches.items() if search}
    for search in sought.values():
        check_search(document, search, fit, profiles, servers)
    if document.problems or file is None:
        return None
    return Lab(
        allow_targets=file.allow_targets,
        defaults=defaults,
        servers=own,
        profiles=profiles,
        experiments=experiments,
        claims=claims,
        searches=sought,
    )


def _items(document: Document, section: str) -> dict[str, dict[str, Any]]:
    """Return the entries of a section that are mappings."""
    found = document.data.get(section)
    items = {}
    for name, item in (found if isinstance(found, dict) else {}).items():
        check_name(document, (section, name))
        if isinstance(item, dict):
            items[name] = item
        else:
            text = f"{quote(item)} is not a mapping. Write keys and values."
            document.complain((section, name), text)
    return items


def _servers(document: Document) -> dict[str, OwnServer]:
    found = {
        name: shaped(document, ("servers", name), OwnServer, item)
        for name, item in _items(document, "servers").items()
    }
    shapely = {name: one for name, one in found.items() if one}
    return {n: one for n, one in shapely.items() if check_own_server(document, n, one)}


def _known(document: Document, own: dict[str, OwnServer]) -> dict[str, Server]:
    """Return all servers that an arm may name. A wrong one is among them: one mistake, one line."""
    named = document.data.get("servers")
    plain = {name: Server("", FOREIGN) for name in (named if isinstance(named, dict) else ())}
    return {**plain, **known(own)}


def _profiles(document: Document) -> dict[str, Profile]:
    found = {
        name: shaped(document, ("profiles", name), Profile, item)
        for name, item in _items(document, "profiles").items()
    }
    return {name: profile for name, profile in found.items() if profile}


def _named(document: Document, where: Where, shape: type[S], item: dict[str, Any]) -> S | None:
    """Give a part its shape and its id, which is its key and nothing else."""
    if "id" in item:
        document.complain((*where, "id"), 'unknown key "id". The name is the id.', at_key=True)
    return shaped(document, where, shape, {**item, "id": where[-1]})


def _experiments(
    document: Document, defaults: Defaults, servers: dict[str, Server]
) -> dict[str, Experiment]:
    """Shape the experiments, and fill in protocol and payload where they leave them out."""
    experiments = {}
    for name, item in _items(document, "experiments").items():
        found = _named(document, ("experiments", name), Experiment, item)
        if found is None:
            check_raw_servers(document, ("experiments", name), item, servers)
        else:
            arms = {
                name: arm.model_copy(update={"load": _filled(arm.load, defaults)})
                if arm.load
                else arm
                for name, arm in found.arms.items()
            }
            mine = {
                "protocol": found.protocol or defaults.protocol,
                "load": _filled(found.load, defaults),
                "arms": arms,
            }
            experiments[name] = found.model_copy(update=mine)
    return experiments


def _filled(mix: LoadMix, defaults: Defaults) -> LoadMix:
    """Fill the payload in where one is sent and none is named."""
    filled: dict[ClassName, Asking] = {
        class_name: load.model_copy(update={"payload": defaults.payload})
        for class_name, load in mix.asking().items()
        if load.payload is None and load.takes_payload
    }
    return mix.replaced(filled)


def _claims(document: Document, experiments: dict[str, Experiment]) -> dict[str, Claim]:
    """Shape the claims, and name the class of a response time where there is only one."""
    claims: dict[str, Claim] = {}
    for name, item in _items(document, "claims").items():
        where: Where = ("claims", name)
        kind = str(item.get("kind"))
        if kind not in KINDS:
            meant = guess(kind, KINDS)
            text = f'"kind" is missing. {near("", KINDS)}'
            if "kind" in item:
                text = f"{quote(kind)} is not a kind of claim. {near(str(kind), KINDS)}"
            document.complain((*where, "kind"), text, at_key="kind" not in item)
            if meant:  # the rest of it can still be looked at
                _named(document, where, KINDS[meant], {**item, "kind": meant})
            continue
        claim = _named(document, where, KINDS[kind], item)
        if claim is not None:
            claims[name] = _with_class(claim, experiments)
    return claims


def _with_class(claim: Claim, experiments: dict[str, Experiment]) -> Claim:
    if isinstance(claim, LimitClaim) or not metric_of(claim) or not METRICS[metric_of(claim)].kind:
        return claim
    experiment = experiments.get(experiment_of(claim))
    named = arms_of(claim) if experiment else []
    mixes = (experiment.load_of(arm) for arm in named if experiment and arm in experiment.arms)
    classes = list(dict.fromkeys(name for mix in mixes for name in mix.asking()))
    if claim.connection_class is None and len(classes) == 1:
        return claim.model_copy(update={"connection_class": classes[0]})
    return claim
