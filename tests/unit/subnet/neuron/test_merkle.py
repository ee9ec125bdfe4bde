"""The tree of RFC 6962: its own test vectors, and paths that hold for one record alone."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.neuron import merkle

# The inputs and roots of the reference implementation's tests (google/certificate-transparency,
# merkletree/merkle_tree_test.cc), as RFC 6962 servers use them.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
          "606162636465666768696a6b6c6d6e6f"]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [sha256(bytes.fromhex("00" + text)).digest() for text in INPUTS]


def test_the_roots_are_those_of_the_reference() -> None:
    assert merkle.root([]).hex().startswith("e3b0c44298fc1c149afbf4c8996fb924")
    assert [merkle.leaf(bytes.fromhex(text)) for text in INPUTS] == LEAVES
    for count, root in enumerate(ROOTS, 1):
        assert merkle.root(LEAVES[:count]).hex() == root


@given(st.integers(1, 70), st.data())
def test_a_path_leads_to_the_root_from_its_own_leaf_alone(count: int, data: st.DataObject) -> None:
    leaves = [merkle.leaf(bytes([i])) for i in range(count)]
    index = data.draw(st.integers(0, count - 1))
    siblings = merkle.path(leaves, index)
    assert merkle.root_of_path(leaves[index], index, count, siblings) == merkle.root(leaves)
    other = merkle.leaf(b"another")
    assert merkle.root_of_path(other, index, count, siblings) != merkle.root(leaves)
    for wrong in ([*siblings, bytes(32)], siblings[:-1]):
        if wrong != siblings:
            with pytest.raises(ValueError, match=r"too long|too short"):
                merkle.root_of_path(leaves[index], index, count, wrong)


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def test_a_path_has_the_siblings_of_the_lowest_level_first() -> None:
    """RFC 6962, section 2.1.3, draws this tree of seven leaves."""
    a, b, c, d, e, f, j = LEAVES[:7]
    assert merkle.path(LEAVES[:7], 0) == [b, node(c, d), node(node(e, f), j)]
    assert merkle.path(LEAVES[:7], 3) == [c, node(a, b), node(node(e, f), j)]
    assert merkle.path(LEAVES[:7], 6) == [node(e, f), node(node(a, b), node(c, d))]
    assert merkle.path([a], 0) == []


@pytest.mark.parametrize(("index", "count"), [(-1, 3), (3, 3), (0, 0)])
def test_of_a_leaf_that_is_not_there_nothing_is_shown(index: int, count: int) -> None:
    with pytest.raises(ValueError, match=f"no leaf {index} among {count}"):
        merkle.path(LEAVES[:count], index)
    with pytest.raises(ValueError, match=f"no leaf {index} among {count}"):
        merkle.root_of_path(LEAVES[0], index, count, [])
