"""Rows 12 and 13: the nearest of 512 codes for 10 000 vectors of length 64, and a training step of the quantiser of that size."""
import torch
from .timing import Row, Work, installed

def _case(quick):
    torch.manual_seed(0); n, k, d = (500, 64, 16) if quick else (10_000, 512, 64)
    return torch.randn(n, d), torch.randn(k, d)

def _package(k, d):
    "The usual package, set to do the same: Euclidean codebook, moving averages, mean squared commitment."
    from vector_quantize_pytorch import VectorQuantize
    return VectorQuantize(dim=d, codebook_size=k, decay=.99, commitment_weight=1., kmeans_init=False)

def nearest(quick, folder):
    from audiostyle.layers.quantize import nearest_code
    z, e = _case(quick)
    def ours(): return nearest_code(z, e)
    def cdist(): return torch.cdist(z, e).argmin(1)
    def same(): assert (ours() == cdist()).float().mean() > .999
    peers = {'cdist + argmin': cdist}
    if installed(vector_quantize_pytorch=1):
        q = _package(len(e), e.shape[1]).eval(); q._codebook.embed.data[0] = e
        def package():
            with torch.no_grad(): return q(z[None])
        peers['vector-quantize-pytorch'] = package
    return Work(ours, peers, ('the product alone', lambda: z@e.T), {}, same)

def step(quick, folder):
    from audiostyle.layers.quantize import VectorQuantizer
    z, e = _case(quick); k, d = e.shape; q = VectorQuantizer(k, d); q.codebook.copy_(e); q.sums.copy_(e); q.begun.fill_(True); x = z.T[None].clone().requires_grad_()
    def ours():
        out = q(x); (out.z.square().mean()+out.commit).backward(); x.grad = None
    peers = {}
    if installed(vector_quantize_pytorch=1):
        p = _package(k, d); p._codebook.embed.data[0] = e; y = z[None].clone().requires_grad_()
        def package():
            out, _, commit = p(y); (out.square().mean()+commit.sum()).backward(); y.grad = None
        peers['vector-quantize-pytorch'] = package
    return Work(ours, peers, ('the product alone', lambda: z@e.T))

ROWS = [Row(12, 'nearest of 512 codes, 10 000 x 64', nearest, {'cdist + argmin': 1.5, 'vector-quantize-pytorch': 5.}),
        Row(13, 'training step of the quantiser, same size', step, {'vector-quantize-pytorch': 5.})]
