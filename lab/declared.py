"""What was declared of a claim before data, as one number: so that `post-hoc` can be told of each.

A claim is what its own keys say, and the experiment that it stands on: whoever takes a level away
after data changes what a ladder is judged by, though the claim reads as before.
"""

import hashlib
import json

from lab.claims import experiment_of
from lab.model import Plan
from lab.schema import Lab


def sha256(lab: Lab, claim: str) -> str:
    """Return the digest of a claim and of its experiment. Raises KeyError."""
    experiment = lab.experiments.get(experiment_of(lab.claims[claim]))
    standing = experiment.model_dump_json() if experiment else ""
    both = json.dumps([lab.claim_sha256(claim), standing])
    return hashlib.sha256(both.encode()).hexdigest()


def post_hoc(lab: Lab, plan: Plan) -> frozenset[str]:
    """Return the claims of a plan that are not what they were when it was made.

    A plan from before claims had digests of their own has none for any: a change of the file marks
    them all.
    """
    if lab.sha256 == plan.lab_sha256:
        return frozenset()
    return frozenset(name for name in plan.claims if plan.declared.get(name) != sha256(lab, name))
