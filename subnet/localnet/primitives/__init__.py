"""Values that every room of the node shares, and that know none of those rooms.

``scale``: Substrate's encoding. ``hashing``: its hash functions. ``header``: headers, blocks and
their bodies. ``runtime_version``: what a runtime says it is. ``well_known_keys``: where the state
keeps what a host must find. All are pure: bytes in, values out.
"""
