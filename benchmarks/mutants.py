"Mutants: valid files changed in the ways that files are damaged, forged and mistyped. Every function takes the generator first, so that a seed is a mutant."
import json, re, struct

INTEGERS = sorted({s*(2**k+d) for k in (0, 1, 2, 3, 4, 7, 8, 10, 12, 15, 16, 20, 24, 30, 31, 32, 40, 48, 62, 63) for d in (-1, 0, 1) for s in (1, -1)} | {44100, 16000, 65534, 1000, 768001})

def place(rng, data, head=96):
    "A position, more often in the header than in the samples."
    return rng.randrange(min(len(data), head) or 1) if rng.random() < .7 else rng.randrange(len(data) or 1)

def flip(rng, d, others): d[place(rng, d)] ^= 1 << rng.randrange(8)
def byte(rng, d, others): d[place(rng, d)] = rng.choice((0, 255, 127, 128, 10, 13, 32, rng.randrange(256)))
def insert(rng, d, others): i = place(rng, d); d[i:i] = rng.randbytes(rng.choice((1, 1, 2, 3, 4, 8, 64)))
def delete(rng, d, others): i = place(rng, d); del d[i:i+rng.choice((1, 1, 2, 4, 8, 64, 1000))]
def duplicate(rng, d, others): i = place(rng, d); d[i:i] = d[i:i+rng.choice((1, 4, 8, 64, 512))]*rng.choice((1, 1, 2, 20))
def truncate(rng, d, others): del d[rng.randrange(len(d)+1) if rng.random() < .5 else place(rng, d):]
def zeros(rng, d, others): i = place(rng, d); n = rng.choice((2, 4, 16, 256)); d[i:i+n] = bytes(len(d[i:i+n]))
def ones(rng, d, others): i = place(rng, d); n = rng.choice((2, 4, 16, 256)); d[i:i+n] = b'\xff'*len(d[i:i+n])
def extend(rng, d, others): d += rng.randbytes(rng.choice((1, 3, 100, 4096))) if rng.random() < .7 else bytes(rng.choice((1, 100, 65536)))
def integer(rng, d, others):
    "A number that breaks arithmetic, in one of the fields of two, four or eight bytes."
    n = rng.choice((2, 4, 4, 4, 8)); i = place(rng, d)//n*n if rng.random() < .8 else place(rng, d)
    d[i:i+n] = (rng.choice(INTEGERS) & (256**n-1)).to_bytes(n, rng.choice(('little', 'little', 'big')))[:max(len(d)-i, 0)]
def arithmetic(rng, d, others):
    n = rng.choice((1, 2, 4)); i = place(rng, d)//n*n; order = rng.choice(('little', 'big'))
    if i+n <= len(d): d[i:i+n] = ((int.from_bytes(d[i:i+n], order)+rng.randint(-35, 35)) % 256**n).to_bytes(n, order)
def splice(rng, d, others):
    other = rng.choice(others); i, j = place(rng, d), place(rng, other)
    d[i:] = other[j:] if rng.random() < .5 else other[j:j+64]+d[i+64:]
def swap(rng, d, others):
    n = rng.choice((1, 4, 4, 8, 32)); i, j = place(rng, d), place(rng, d)
    if max(i, j)+n <= len(d) and abs(i-j) >= n: d[i:i+n], d[j:j+n] = d[j:j+n], d[i:i+n]

def anything(rng, data, others):
    "A few of the changes that know nothing of the format."
    d = bytearray(data)
    for _ in range(1 if rng.random() < .6 else rng.randint(2, 6)):
        if d: rng.choice((flip, flip, byte, insert, delete, duplicate, truncate, zeros, ones, extend, integer, integer, arithmetic, splice, swap))(rng, d, others)
    return bytes(d)

# Files made of chunks: RIFF, RF64, FORM, W64

def chunks(data):
    "Head, order of bytes, and the chunks of a file as [name, size, body], or None."
    if data[:4] in (b'RIFF', b'RF64', b'FORM'): head, tag, at, order, extra = 12, 4, 12, '>' if data[:4] == b'FORM' else '<', 0
    elif data[:4] == b'riff': head, tag, at, order, extra = 40, 16, 40, '<', 24
    else: return None
    found, code = [], order+('Q' if tag == 16 else 'I'); wide = struct.calcsize(code)
    while at+tag+wide <= len(data) and len(found) < 50:
        size = struct.unpack_from(code, data, at+tag)[0]; true = size-extra if tag == 16 else size
        true = min(max(true, 0), len(data)); body = data[at+tag+wide:at+tag+wide+true]; pad = -true % (8 if tag == 16 else 2)
        found.append([data[at:at+tag], size, body+data[at+tag+wide+true:at+tag+wide+true+pad]]); at += tag+wide+true+pad
    return data[:head], code, found

def chunk_order(rng, data, others):
    "Chunks left out, doubled, moved, renamed, with sizes that lie, and foreign ones between them."
    parsed = chunks(data)
    if not parsed or not parsed[2]: return anything(rng, data, others)
    head, code, found = parsed; found = [list(c) for c in found]
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not found: break
        i = rng.randrange(len(found)); what = rng.randrange(8)
        if what == 0: del found[i]
        elif what == 1: found.insert(rng.randrange(len(found)+1), list(found[i]))
        elif what == 2: rng.shuffle(found)
        elif what == 3: found[i][1] = rng.choice(INTEGERS) % 256**struct.calcsize(code)
        elif what == 4: name = rng.choice((b'fact', b'data', b'fmt ', b'LIST', b'junk', b'PEAK', b'ds64', b'\0\0\0\0', b'COMM', b'SSND', b'cue ', b'smpl', b'bext', b'id3 ')); found[i][0] = name+found[i][0][4:]
        elif what == 5: found[i][2] = anything(rng, found[i][2], [found[i][2] or b'\0'])
        elif what == 6: body = rng.randbytes(rng.choice((0, 1, 7, 30, 600))); found.insert(rng.randrange(len(found)+1), [rng.choice((b'LIST', b'junk', b'bext', b'cue ', b'smpl', b'PEAK', b'abcd')).ljust(len(found[i][0]), b'\0'), len(body), body+bytes(len(body) % 2)])
        else: d = bytearray(found[i][2]); n = rng.choice((2, 4)); k = rng.randrange(max(min(len(d), 40)//n, 1))*n; d[k:k+n] = (rng.choice(INTEGERS) & (256**n-1)).to_bytes(n, 'big' if code[0] == '>' else 'little')[:max(len(d)-k, 0)]; found[i][2] = bytes(d)
    out = head+b''.join(name+struct.pack(code, size)+body for name, size, body in found)
    if code[1] == 'I' and rng.random() < .7: out = out[:4]+struct.pack(code, (len(out)-8) % 2**32)+out[8:]
    return out

_CRC = []
def ogg_sums(data):
    "The pages of an Ogg file with their check sums made right, so that a change gets past them."
    if not _CRC:
        for i in range(256):
            r = i << 24
            for _ in range(8): r = (r << 1) ^ 0x04c11db7 if r & 0x80000000 else r << 1
            _CRC.append(r & 0xffffffff)
    d, at = bytearray(data), 0
    while (at := d.find(b'OggS', at)) >= 0 and at+27 <= len(d):
        end = at+27+d[at+26]; end += sum(d[at+27:end]); end = min(end, len(d)); d[at+22:at+26] = bytes(4); r = 0
        for b in d[at:end]: r = ((r << 8) & 0xffffffff) ^ _CRC[(r >> 24) ^ b]
        d[at+22:at+26] = struct.pack('<I', r); at = max(end, at+4)
    return bytes(d)

def sound(rng, data, others):
    if chunks(data) and rng.random() < .4: return chunk_order(rng, data, others)
    out = anything(rng, data, others)
    return ogg_sums(out) if data[:4] == b'OggS' and rng.random() < .7 else out

# JSON

class Raw:
    "A piece of text that stands in JSON as it is."
    def __init__(self, text): self.text = text

def odd(rng, like=None):
    "A value that JSON may hold and a programme did not expect."
    deep = rng.choice((3, 50, 300, 450, 900, 1100, 3000, 20000))
    return rng.choice((None, True, False, 0, 1, -1, 0., -0., .5, 1e-320, 1e308, 2**31, 2**63, 2**64, -2**63, 10**25, 10**400, '', ' ', 'x', '0', 'nan', '\0', 'a\nb', '\ud800', 'é😀', '\u202e', '../up', '/etc/passwd', 'C:\\x', 'a/../../b', '//x', '.', '..',
        'os.system', '__class__', 'x'*300, 'x'*100_000, [], {}, [[]], [None], {'': None}, {'$tensor': 'x'}, {'$list': 3}, {'$dict': [[1]]}, {'a': 1, 'b': 2}, [1, 2, 3], ['a', 'b'], [[0, 1, 'a']], list(range(2000)),
        Raw('NaN'), Raw('Infinity'), Raw('-Infinity'), Raw('1e400'), Raw('-1e400'), Raw('1'+'0'*5000), Raw('['*deep+']'*deep), Raw('{"a":'*deep+'1'+'}'*deep), Raw('{"a":1,"a":2}'), Raw('01'), Raw('"\\ud800"'), Raw('undefined'), Raw('1.'+'1'*3000),
        [like], {'a': like}, [like, like], str(like)[:200], like, rng.choice(INTEGERS), float(rng.choice(INTEGERS)), -like if isinstance(like, (int, float)) else like, like*2 if isinstance(like, (int, str)) else like))

def nodes(value, path=()):
    yield path
    for k, v in (value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()): yield from nodes(v, path+(k,))

def dumps(value):
    "JSON with `Raw` pieces in it."
    if isinstance(value, Raw): return value.text
    if isinstance(value, dict): return '{'+', '.join(f'{json.dumps(k) if not isinstance(k, Raw) else k.text}: {dumps(v)}' for k, v in value.items())+'}'
    return '['+', '.join(map(dumps, value))+']' if isinstance(value, list) else json.dumps(value)

def json_value(rng, value, times=None):
    "A value changed at a few of its places: another type, a key gone, renamed, unknown, doubled."
    value = json.loads(json.dumps(value))
    for _ in range(times or rng.choice((1, 1, 1, 2, 4))):
        *up, last = rng.choice([p for p in nodes(value) if p] or [(None,)])
        if last is None: return odd(rng, value)
        at = value
        for k in up: at = at[k]
        if isinstance(at, Raw) or not isinstance(at, (dict, list)): continue
        what = rng.randrange(10)
        if what < 6: at[last] = odd(rng, at[last])
        elif what == 6: del at[last]
        elif what == 7 and isinstance(at, dict): at[rng.choice((last+'x', last[:-1], last.upper(), '', '__class__', '\ud800', '../'+last, 'a'*1000))] = at.pop(last)
        elif what == 8 and isinstance(at, dict): at[rng.choice(('unknown', 'lr', '$tensor', 'sha256', 'format'))] = odd(rng, at[last])
        elif isinstance(at, dict): at[Raw(json.dumps(last))] = odd(rng, at[last])           # the same key twice
        else: rng.shuffle(at)
        value = json.loads(json.dumps(value)) if not any(isinstance(x, Raw) for x in _leaves(value)) else value
        if any(isinstance(x, Raw) for x in _leaves(value)): break
    return value

def _leaves(v):
    if isinstance(v, dict):
        for k, x in v.items(): yield k; yield from _leaves(x)
    elif isinstance(v, list):
        for x in v: yield from _leaves(x)
    else: yield v

def json_text(rng, data, others):
    "A JSON document changed as a value, or as text."
    if rng.random() < .25: return anything(rng, data, others)
    try: text = dumps(json_value(rng, json.loads(data)))
    except (ValueError, RecursionError): return anything(rng, data, others)
    out = text.encode('utf-8', 'surrogatepass')
    return rng.choice((b'\xef\xbb\xbf', b'', b' ', b'\xff\xfe', b'\0'))+out if rng.random() < .05 else out

def lines(rng, data, others, line=None):
    "A text file changed line by line; `line` changes one of them."
    if rng.random() < .2: return anything(rng, data, others)
    ls = data.split(b'\n')
    for _ in range(rng.choice((1, 1, 2, 3))):
        i, what = rng.randrange(len(ls) or 1), rng.randrange(9)
        if not ls: break
        if what == 0: del ls[i]
        elif what == 1: ls.insert(rng.randrange(len(ls)), ls[i])
        elif what == 2: rng.shuffle(ls)
        elif what == 3: ls[i] += b'\r'
        else: ls[i] = line(rng, ls[i], [l or b'\0' for l in ls]) if line else anything(rng, ls[i], [l or b'\0' for l in ls])
    out = (b'\r\n' if rng.random() < .1 else b'\n').join(ls)
    return rng.choice((b'\xef\xbb\xbf', b'\xff\xfe', b'\0'))+out if rng.random() < .05 else out

def words(rng, data, others):
    "A line of words and numbers with one of them replaced."
    parts = re.split(rb'([\s|,;"]+)', data); i = rng.randrange(len(parts))
    parts[i] = rng.choice((b'', b'nan', b'inf', b'-1', b'1e400', b'9'*400, b'0x10', b'1_0', b'\0', b'\xff', b'#', b'-', 'é'.encode(), b'q', b'f', b'../x', '٣'.encode(), b'1e308', b'-0', parts[i]*3))
    return b''.join(parts)

# safetensors

def tensors(rng, data, others):
    "A safetensors file whose header lies about types, shapes and offsets, or any other change."
    if rng.random() < .5 or len(data) < 8: return anything(rng, data, others)
    n = struct.unpack('<Q', data[:8])[0]; head = json.loads(data[8:8+n]); names = [k for k in head if k != '__metadata__']
    if rng.random() < .4: text = dumps(json_value(rng, head))
    else:
        h = head[rng.choice(names)] if names else {}; what = rng.randrange(5)
        if what == 0: h['dtype'] = rng.choice(('F64', 'F32', 'F16', 'BF16', 'I64', 'I8', 'U8', 'BOOL', 'F8_E4M3', 'F4', 'X', 3))
        elif what == 1: h['shape'] = rng.choice(([], [0], [-1], [2**62, 4], [2**64], [1]*70, h.get('shape', [])[::-1], None, [1.5], 'x', [h.get('shape', [1])]))
        elif what == 2: h['data_offsets'] = rng.choice(([0, 0], [0, 2**62], [-1, 4], [8, 4], [0], None, ['a', 'b'], [0., 4.], [0, len(data)]))
        elif what == 3 and names: head[rng.choice(('x', '', '__metadata__', '\0', '../x'))] = head.pop(rng.choice(names))
        elif len(names) > 1: a, b = rng.sample(names, 2); head[a], head[b] = head[b], head[a]
        text = json.dumps(head)
    raw = text.encode('utf-8', 'surrogatepass'); size = len(raw) if rng.random() < .85 else rng.choice(INTEGERS) % 2**64
    return struct.pack('<Q', size)+raw+data[8+n:]
