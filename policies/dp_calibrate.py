"""From what a query may cost to the noise of each of its columns."""

from policies.dialects import said
from policies.dp_budget import rho_within, thresholds_share
from policies.dp_noise import scale_for, threshold_for
from policies.dp_plan import Charge, Draft, Noise, Release
from policies.errors import DP_KEYS_PRIVATE
from policies.refusal import Refusal


def calibrated(draft: Draft, dialect: str, releases: int) -> Release:
    """The release with its noise: `epsilon_per_query` in equal parts to the query's `releases` and their measures.

    Of the two distributions the narrower: the discrete Gaussian needs a delta, and pays where there are many groups or
    measures (its error grows with their root); discrete Laplace wins for few. Where several datasets are charged, the
    strictest terms hold.
    """
    terms, number = draft.terms, len(draft.measures)
    epsilon = min(each.epsilon_per_query for each in terms) / releases
    rho = min(rho_within(each.epsilon_per_query, each.delta / 2) for each in terms) / releases
    delta = min(thresholds_share(each) for each in terms) / releases if draft.thresholded else 0.0
    gaussian = number > 0 and rho > 0 and 1 / (2 * rho) < 2 * draft.groups * number / epsilon**2
    noise = Noise.GAUSSIAN if gaussian else Noise.LAPLACE
    losses = tuple((rho if gaussian else epsilon) / number for _ in draft.measures)
    pairs = zip(draft.measures, losses, strict=True)
    scales = tuple(scale_for(noise, each, draft.groups, loss) for each, loss in pairs)
    threshold = threshold_for(noise, scales[0], draft.groups, delta) if draft.thresholded else None
    if draft.thresholded and threshold is None:
        raise Refusal.of(DP_KEYS_PRIVATE, rule="release.delta")
    cost = Charge(None, rho, delta) if gaussian else Charge(epsilon, sum(loss * loss / 2 for loss in losses), delta)
    return Release(
        table=draft.table,
        sql=said(draft.tree, dialect, last=True),
        keys=draft.keys,
        measures=draft.measures,
        estimates=draft.estimates,
        groups=draft.groups,
        noise=noise,
        scales=scales,
        losses=losses,
        threshold=threshold,
        delta=delta,
        cost=cost if number else Charge(),
    )
