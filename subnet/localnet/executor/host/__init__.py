"""The ext_* functions of Substrate's host API, one file a concern; ``build_host`` joins them."""
