"""The gateway: OpenAI's interface for clients on one side, the signed wire to miners on the other.

``openai`` holds the requests and replies of that interface, ``keys`` who may ask, ``quotas`` how
much.
"""
