"""Model code that miners and validators share: finding, naming, loading, generating, replaying.

``source`` finds a model's folder, ``root`` gives its fingerprint, ``language`` computes, ``engine``
is what a miner serves with, ``openai_backend`` the same over HTTP. torch and transformers are the
extra ``inference`` and are imported by the modules that compute, never by this package itself.
"""
