"Row 5: exact time warping."
import numpy as np
from .timing import Row, Work, installed

def warping(quick, folder):
    from scipy.spatial.distance import cdist
    from audiostyle.metrics.speech import dtw
    n, rng = 60 if quick else 1000, np.random.default_rng(0)
    x, y = rng.normal(size=(n, 25)).cumsum(0), rng.normal(size=(n, 25)).cumsum(0)
    def librosa():
        from librosa.sequence import dtw
        return dtw(x.T, y.T)
    def same():
        cost, path = dtw(x, y); peer, peer_path = librosa()
        assert abs(cost/peer[-1, -1]-1) < 1e-9 and np.array_equal(path, peer_path[::-1])
    one, other, out = np.ones((n, 27)), np.ones((27, n)), np.empty((n, n))
    parts = {'square roots': lambda: np.sqrt(out, out=out)}
    return Work(lambda: dtw(x, y), installed(librosa=librosa), ('the matrix product of the distances', lambda: np.dot(one, other, out=out)), parts, same)

ROWS = [Row(5, 'exact DTW of two 1000 x 25 with path', warping, {'librosa': 5})]
