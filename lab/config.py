"""lab.yaml, and what it includes, becomes a `Lab`, or every mistake in it is told at once.

Three steps: read the files with positions (`lab.yaml_source`), give each part its shape
(`lab.schema`), check what the parts say about each other (`lab.checks`, `lab.claim_checks`).
A part without its shape is left out of the third step; the others go on. Only ConfigErrors is
raised, whatever the files hold.
"""

import glob
from pathlib import Path
from typing import Any, TypeVar

from lab.checks import check_defaults, check_experiment, check_name
from lab.claim_checks import check_claim, check_windows
from lab.claims import KINDS, METRICS, Claim, LimitClaim
from lab.errors import ConfigErrors
from lab.mistakes import near, shaped
from lab.schema import Defaults, Experiment, Lab, Profile
from lab.shape import Shape
from lab.yaml_source import Document, Where, quote, read

__all__ = ["Lab", "load", "parse"]

_SECTIONS = ("profiles", "experiments", "claims")
_KEYS = ("version", "include", "defaults", *_SECTIONS)
_INCLUDED = ("experiments", "claims")  # what an included file may hold

S = TypeVar("S", bound=Shape)


def load(path: Path) -> Lab:
    """Load lab.yaml. Raises ConfigErrors with one line for each mistake."""
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problem = f"{path}: cannot be read: {reason}. Name another file with --file."
        raise ConfigErrors([problem]) from error
    return parse(raw, str(path), path.parent)


def parse(raw: bytes, name: str = "lab.yaml", folder: Path | None = None) -> Lab:
    """Load the bytes of a lab.yaml. folder: where `include` starts; None: nothing to include."""
    document = read(raw, name)
    lab = None
    if isinstance(document.data, dict):
        _include(document, folder)
        lab = _lab(document)
    elif not document.problems:
        document.complain((), "this is not a mapping. Start with version: 1.")
    if lab is None or document.problems:
        raise ConfigErrors(document.lines())
    return lab


def _include(document: Document, folder: Path | None) -> None:
    """Merge the included files: their experiments and claims, each id once."""
    patterns = document.data.get("include", [])
    if not isinstance(patterns, list):
        document.complain(("include",), "is not a list. Write [experiments/*.yaml].")
        return
    order = 0
    for index, pattern in enumerate(patterns):
        files = _matches(folder, pattern) if folder and isinstance(pattern, str) else []
        if not files:
            text = f"{quote(pattern)} matches no file beside {Path(document.values[()].file).name}."
            document.complain(
                ("include", index), f"{text} Write experiments/*.yaml, or leave it out."
            )
        for file in files:
            order += 1
            _merge(document, file, order)


def _matches(folder: Path, pattern: str) -> list[Path]:
    try:
        found = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - Path.glob refuses ".."
    except (OSError, ValueError):  # a null character, a name too long
        return []
    return [folder / name for name in sorted(found) if (folder / name).is_file()]


def _merge(document: Document, file: Path, order: int) -> None:
    try:
        part = read(file.read_bytes(), str(file), order)
    except OSError as error:
        document.complain(("include",), f"{file} cannot be read: {error.strerror}.")
        return
    if not isinstance(part.data, dict):
        if not part.problems:
            part.complain((), "this is not a mapping. Start with experiments: or claims:.")
        document.problems += part.problems
        return
    for section, items in part.data.items():
        if section not in _INCLUDED:
            text = f"{quote(section)} cannot stand in an included file. {near(section, _INCLUDED)}"
            part.complain((section,), text, at_key=True)
        elif not isinstance(items, dict):
            part.complain((section,), f"{quote(items)} is not a mapping. Write names and contents.")
        else:
            _merge_section(document, part, section)
    document.problems += part.problems


def _merge_section(document: Document, part: Document, section: str) -> None:
    target = document.data.setdefault(section, {})
    if not isinstance(target, dict):
        return  # noted when lab.yaml itself is checked
    document.values.setdefault((section,), part.values[section,])
    for name, item in part.data[section].items():
        if name in target:
            first = document.keys[section, name]
            text = f"stands here again, first in {first}. Rename or remove one."
            part.complain((section, name), text, at_key=True)
            continue
        target[name] = item
        for into, of in (
            (document.keys, part.keys),
            (document.values, part.values),
        ):
            into.update({where: m for where, m in of.items() if where[:2] == (section, name)})
        texts = part.texts.items()
        document.texts.update({w: text for w, text in texts if w[:2] == (section, name)})


def _lab(document: Document) -> Lab | None:
    for key in document.data:
        if key not in _KEYS:
            text = f"unknown key {quote(key)}. {near(key, _KEYS)}"
            document.complain((key,), text, at_key=True)
    version = document.data.get("version")
    if version != 1 or isinstance(version, bool):
        found = "is missing" if "version" not in document.data else f"{quote(version)} is unknown"
        document.complain(("version",), f"version {found}. Write version: 1.")
    given = document.data.get("defaults", {})
    if not isinstance(given, dict):
        document.complain(("defaults",), f"{quote(given)} is not a mapping. Write keys and values.")
        given = {}
    defaults = shaped(document, ("defaults",), Defaults, given) or Defaults()
    check_defaults(document, defaults)
    profiles = _profiles(document)
    experiments = _experiments(document, defaults)
    claims = _claims(document, experiments)
    for experiment in experiments.values():
        check_experiment(document, experiment, profiles)
    for claim in claims.values():
        check_claim(document, claim, experiments, profiles)
    if document.problems:
        return None
    lab = Lab(defaults=defaults, profiles=profiles, experiments=experiments, claims=claims)
    for claim in claims.values():
        if not isinstance(claim, LimitClaim):
            check_windows(document, claim, lab)
    return lab


def _items(document: Document, section: str) -> dict[str, dict[str, Any]]:
    """Return the entries of a section that are mappings, under names that can be names."""
    found = document.data.get(section)
    if found is None or found == {}:
        there = section in document.data
        document.complain(
            (section,),
            f"{'is empty' if there else section + ' is missing'}. Write {section}: and one entry at least.",
        )
        return {}
    if not isinstance(found, dict):
        document.complain((section,), f"{quote(found)} is not a mapping. Write names and contents.")
        return {}
    items = {}
    for name, item in found.items():
        fits = check_name(document, (section, name))
        if not isinstance(item, dict):
            text = f"{quote(item)} is not a mapping. Write keys and values."
            document.complain((section, name), text)
        elif fits:
            items[name] = item
    return items


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


def _experiments(document: Document, defaults: Defaults) -> dict[str, Experiment]:
    """Shape the experiments, and fill in protocol and payload where they leave them out."""
    experiments = {}
    for name, item in _items(document, "experiments").items():
        found = _named(document, ("experiments", name), Experiment, item)
        if found is not None:
            filled = {
                class_name: load.model_copy(update={"payload": defaults.payload})
                for class_name, load in found.load.asking().items()
                if load.payload is None
            }
            protocol = found.protocol or defaults.protocol
            mix = found.load.model_copy(update=filled)
            experiments[name] = found.model_copy(update={"load": mix, "protocol": protocol})
    return experiments


def _claims(document: Document, experiments: dict[str, Experiment]) -> dict[str, Claim]:
    """Shape the claims, and name the class of a response time where there is only one."""
    claims: dict[str, Claim] = {}
    for name, item in _items(document, "claims").items():
        where, kind = ("claims", name), item.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            found = "is missing" if "kind" not in item else f"{quote(kind)} is unknown"
            text = f"kind {found}. {near(str(kind), KINDS)}"
            document.complain((*where, "kind"), text, at_key="kind" not in item)
            continue
        claim = _named(document, where, KINDS[kind], item)
        if claim is not None:
            claims[name] = _with_class(claim, experiments)
    return claims


def _with_class(claim: Claim, experiments: dict[str, Experiment]) -> Claim:
    if isinstance(claim, LimitClaim) or METRICS[claim.metric].load != "open":
        return claim
    experiment = experiments.get(claim.experiment)
    classes = list(experiment.load.asking()) if experiment else []
    if claim.connection_class is None and len(classes) == 1:
        return claim.model_copy(update={"connection_class": classes[0]})
    return claim
