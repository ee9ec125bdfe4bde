"""The network layer: signed calls between neurons, over HTTP or in memory.

It adds to sockets one thing: a call whose two sides both know who spoke, to whom, about what, and
that it was said once. It knows nothing of tasks or chains; whoever starts an axon hands it the
handlers, and a resolver that says who a caller is.

The folder, in the order of a call's life::

    synapse     messages: typed structs, and the one encoding
    interface   what neurons see: Signer, Peer, Caller, Reply, the two transports' common shape
    keys        sr25519
    signing     pure: btauth/1 requests, our own signed replies
    stream      pure: the frames of a streamed reply, written and checked
    evidence    pure: what shows a third party who said what
    exchange    pure: the client's half of a call (make a request, judge a reply)
    limits      every number, with its reason
    admission   pure: budgets, membership, who is served
    address_check  pure: which addresses are called, whoever announced them
    replay      pure: each signed request at most once, also after kill -9
    nonce_file  the small fsynced file beneath replay
    connections pure: who keeps a connection when there are too many
    methods     pure: what one axon serves, and which method a path names
    concurrency how many run at once, who waits, for how long
    replies     pure: what an axon says, signed
    reservation the ceiling of nonces on disk, ahead of need
    faults      what handlers raise: for the axon's own log, never for a caller
    stream_server  the server's half of a stream: runs a handler as fast as its reader reads
    stream_client  the client's half: bytes in, replies out, none of them unsigned
    dispatch    the server's half of a call, the same on every transport
    axon        HTTP server (aiohttp)
    dendrite    HTTP client (aiohttp)
    memory      both of them without sockets, within one process

Threats, by STRIDE, and what stands against each
-------------------------------------------------
============================  ===================================================================
**Spoofing**
a caller claims a hotkey      every request is signed by it; unsigned ones are refused (signing)
somebody answers as a miner   every reply, a refusal too, is signed and always checked (exchange)
a request for A sent to B     the receiver is inside the signature and mandatory (signing)
a source address is faked     budgets are per TCP peer, never from a header (axon)
**Tampering**
body, path, query, method     inside the request's signature; hashed as received, before parsing
a reply's body or status      inside the reply's signature, with the headers that matter (signing)
a reply to another request    the reply names the hash of its request, nonce and signature included
a signature used elsewhere    requests, replies and streams sign under different domains
frames of a stream            a running hash from the request on, signed all along (stream)
a stream cut short            only the peer can sign an end; without one it was cut (stream)
**Repudiation**
a miner denies its answer     both signatures are kept as evidence for a third party (evidence)
**Information disclosure**
bodies are in clear           by design in this version: sessions with encryption come later
errors tell too much          a refusal has a code and one fixed sentence, never a trace or payload
secrets in logs               bodies, keys and signatures are not logged at any level
**Denial of service**
floods of cheap requests      token buckets per source and overall before cryptography (admission)
emptying a victim's bucket    a hotkey pays only for a verified, fresh, unseen request (dispatch)
floods that buy signatures    refusals have a budget too; beyond it the connection is cut (dispatch)
connections held by a crowd   when full, the oldest without a good signature goes (connections)
requests sent ahead           not read before the one that runs is answered (axon)
peers that answer much        a bound for one reply and for all that are being read (dendrite)
tiny chunks, empty replies    a bound for what comes beside a body, or unasked (dendrite)
huge or compressed bodies     counted while streaming, both ways; no encoding is accepted (axon)
slow senders, slow readers    deadlines for head, body and reply, caps on connections (axon)
a stream that nobody reads    its handler waits; 1 MiB a stream on either side (stream_server)
a stream without end          time, silence, frames and their size are bounded, on either side
many nonces, many sources     bounded tables; when full, older nonces are refused (replay), new
                              addresses push out new ones, not proven ones (admission)
deep or odd messages          strict typed decoding, depth included (synapse)
slow handlers                 concurrency limit, bounded queue, budgets end the work (concurrency)
places held by rivals         half of all places are for permit holders (concurrency)
**Elevation of privilege**
unknown keys get service      only registered hotkeys or permit holders, as configured (admission)
an address points inward      only public addresses are called on a public chain (address_check)
replays, also after a crash   seen-set above a persisted ceiling reserved ahead (replay)
============================  ===================================================================
"""

from assay.wire.errors import Code, RequestRefused
from assay.wire.interface import Caller, Membership, Method
from assay.wire.synapse import Synapse

__all__ = ["Caller", "Code", "Membership", "Method", "RequestRefused", "Synapse"]
