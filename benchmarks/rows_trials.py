"Rows 6 and 7: error rates of trials."
import numpy as np
from .timing import Row, Work, installed

def scores(n, seed=0):
    "Scores of as many same as different pairs, n in all"
    rng = np.random.default_rng(seed); return rng.normal(2, 1, n//2), rng.normal(0, 1, n//2)

def equal_errors(quick, folder):
    from audiostyle.metrics.trials import equal_error_rate
    same, different = scores(2000 if quick else 10**6); label, score = np.repeat([1, 0], len(same)), np.concatenate([same, different])
    def sklearn():
        from sklearn.metrics import roc_curve
        fa, hit, _ = roc_curve(label, score, pos_label=1); k = np.nanargmin(np.abs(1-hit-fa)); return max(fa[k], 1-hit[k])      # the greater of both at the nearest step
    def agree(): assert abs(equal_error_rate(same, different).rate-sklearn()) < 2/len(same)
    parts = {'two sorts': lambda: (np.sort(same), np.sort(different))}
    return Work(lambda: equal_error_rate(same, different), installed(sklearn=sklearn), ('one look at every score', lambda: (same.max(), different.max())), parts, agree)

def loop_cost(score, label, p=.05):
    "Minimum cost as it is often computed: Python's sort, then a loop over all thresholds for the rates and another for the costs"
    order = sorted(range(len(score)), key=lambda i: score[i]); kinds = [label[i] for i in order]; miss, false = [], []
    for i, kind in enumerate(kinds):
        miss.append((miss[i-1] if i else 0)+kind); false.append((false[i-1] if i else 0)+1-kind)
    n, m = miss[-1], false[-1]; miss, false = [v/n for v in miss], [1-v/m for v in false]; best = float('inf')
    for a, b in zip(miss, false):
        cost = a*p+b*(1-p)
        if cost < best: best = cost
    return best/min(p, 1-p)

def least_cost(quick, folder):
    from audiostyle.metrics.verification import min_dcf
    same, different = scores(2000 if quick else 10**5); label, score = [1]*len(same)+[0]*len(different), np.concatenate([same, different]).tolist()
    def agree(): assert abs(min_dcf(same, different).cost-loop_cost(score, label)) < 1e-9
    parts = {'two sorts': lambda: (np.sort(same), np.sort(different))}
    return Work(lambda: min_dcf(same, different), {'loop over sorted': lambda: loop_cost(score, label)}, ('one look at every score', lambda: (same.max(), different.max())), parts, agree)

ROWS = [Row(6, 'equal error rate of 10^6 trials', equal_errors, {'sklearn': 5}), Row(7, 'minDCF of 10^5 trials', least_cost, {'loop over sorted': 20})]
