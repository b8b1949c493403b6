"""Refuse connections that would leave this machine, in this Python and in its children.

Put this folder first on PYTHONPATH: every interpreter started below then loads this file by itself, so kernels, papermill runs and
command lines started by a test are held to the same rule as the test. Unix sockets and the loopback stay open."""
import socket

_LOCAL = {'', 'localhost', 'ip6-localhost', '::1', '0.0.0.0', '::', socket.gethostname()}

def _is_local(host):
    host = host.decode() if isinstance(host, bytes) else host
    return host is None or host in _LOCAL or host.startswith(('127.', '::ffff:127.'))

def _guarded(method):
    def call(sock, *args):
        address = args[-1]
        if isinstance(address, tuple) and not _is_local(address[0]):
            raise PermissionError(f'{method.__name__} to {address[0]} refused: nothing may leave this machine here')
        return method(sock, *args)
    return call

def _getaddrinfo(host, *args, _real=socket.getaddrinfo, **kwargs):
    if not _is_local(host): raise PermissionError(f'looking up {host} refused: nothing may leave this machine here')
    return _real(host, *args, **kwargs)

for _name in ('connect', 'connect_ex', 'sendto'): setattr(socket.socket, _name, _guarded(getattr(socket.socket, _name)))
socket.getaddrinfo = _getaddrinfo
