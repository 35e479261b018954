"""How a load asks, in a few words. Pure."""

from lab.model import ClassLoad


def pace_words(load: ClassLoad) -> str:
    """Say of one class when it asks: open or closed, how fast, and how that changes."""
    if load.rate:
        rate = _stages(load, "/s") if load.stages else f"{load.rate:g}/s"
        return f"open {rate} {load.spacing}"
    how = f"closed, {_stages(load, ' asking')}" if load.stages else "closed"
    if load.think_s:
        drawn = " on average (exponential)" if load.spread == "exponential" else ""
        how += f", think {load.think_s * 1e6:g} us{drawn}"
    return how


def _stages(load: ClassLoad, unit: str) -> str:
    """Follow a level through its stages: 100/s to 2000/s in 0.5 s, then 50/s for 1 s."""
    at = load.start
    parts = []
    for seconds, target in load.stages:
        if target == at:
            parts.append(f" for {seconds:g} s" if seconds else "")
        elif seconds:
            parts.append(f" to {target:g}{unit} in {seconds:g} s")
        else:
            parts.append(f", then {target:g}{unit}")
        at = target
    return f"{load.start:g}{unit}{''.join(parts)}"
