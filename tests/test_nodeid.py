"""Which node a record names."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from kumolog.errors import KumologError
from kumolog.nodeid import NodeId

NODE = "557f3ad4-2c8c-11ee-976e-782d7e12e173"


def test_the_environment_names_the_node() -> None:
    assert NodeId({"KUMO_NODE_ID": NODE.upper()}).text == NODE


def test_a_file_names_the_node(tmp_path: Path) -> None:
    path = tmp_path / "nodeid"
    path.write_text(NODE + "\n")
    assert NodeId({"KUMO_NODE_ID_PATH": str(path)}).text == NODE


def test_without_both_the_node_is_named_after_its_mac(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    text = NodeId({"KUMO_NODE_ID_PATH": str(missing)}).text
    assert text == f"00000000-0000-1000-8000-{uuid.getnode():012x}"
    assert not missing.exists()


def test_a_malformed_id_is_an_error_that_names_its_place(tmp_path: Path) -> None:
    with pytest.raises(KumologError, match="KUMO_NODE_ID must hold a UUID, not 'node1'"):
        NodeId({"KUMO_NODE_ID": "node1"})
    path = tmp_path / "nodeid"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(KumologError, match=f"{path} must hold a UUID"):
        NodeId({"KUMO_NODE_ID_PATH": str(path)})
    with pytest.raises(KumologError, match="reading the node id from"):
        NodeId({"KUMO_NODE_ID_PATH": str(tmp_path)})
