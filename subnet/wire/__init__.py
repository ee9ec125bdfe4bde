"""The network layer: signed calls between neurons, over HTTP or in memory.

A call goes in with a peer's address and a message; a reply comes out whose signature was checked.
Both sides of a call know who sent each message, to whom, and that the request was executed once.
The network layer knows no task and no chain: the program that starts an axon passes in handlers,
and a resolver that says what a caller is on the subnet.

The files of the folder, in the order in which a call meets them::

    synapse     messages: typed structs, and the one encoding
    interface   what neurons use: Peer, Caller, Reply, Method, and what both transports offer
    keys        sr25519
    signing     pure: btauth/1 requests, our own signed replies
    stream      pure: the frames of a streamed reply, written and checked
    evidence    pure: signatures of both sides, for a third party to check
    exchange    pure: the client's half of a call (make a request, judge a reply)
    limits      every number, with its reason
    admission   pure: budgets, membership, who is served
    address_check  pure: which network addresses a dendrite calls
    replay      pure: each signed request at most once, also after kill -9
    nonce_file  the file in which replay keeps its ceiling
    connections pure: which connections are kept when there are too many
    methods     pure: what one axon serves, and which method a path names
    concurrency how many handlers run, which requests wait, and for how long
    replies     pure: signed replies and refusals, and the beginnings of streams
    reservation saves the ceiling of nonces before it is needed
    faults      logs what handlers raise; a caller never reads it
    stream_server  the server's half of a stream: runs a handler as fast as its reader reads
    stream_client  the client's half of a stream: from bytes to replies that are signed for
    dispatch    the server's half of a call, the same on every transport
    http_connection  what the axon and the gateway hold a stranger's connection to (aiohttp)
    axon        HTTP server (aiohttp)
    dendrite    HTTP client (aiohttp)
    round_trip  the part of a latency that the network took, as the kernel knows it
    memory      axon and dendrite without sockets, within one process

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
answers nobody can be shown   a reply whose evidence would be refused is not taken (exchange)
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
evidence that fills a disk    a reply's signed headers have 4 KiB at most (evidence)
a stream without end          time, silence, frames and their size are bounded, on either side
many nonces, many sources     bounded tables; when full, older nonces are refused (replay), new
                              addresses push out new ones, not proven ones (admission)
deep or odd messages          strict typed decoding, depth included (synapse)
slow handlers                 concurrency limit, bounded queue, budgets end the work (concurrency)
places held by rivals         half of all places are for permit holders (concurrency)
places held by streams        streams hold half of all places at most (concurrency)
places held by a few callers  the last quarter is for hotkeys that run few requests (concurrency)
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
