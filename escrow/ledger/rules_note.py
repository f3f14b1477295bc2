"""Rule S9: the convenor or a seat leaves a note."""

from escrow.ledger.scene import Effect, Scene
from escrow.ledger.state import NoteState
from escrow.model.deeds import Note


def note(scene: Scene, deed: Note) -> Effect:
    """S9. Changes nothing but the list of notes."""
    scene.require_member()
    text = deed.text if scene.texts else b""
    added = NoteState(hash=scene.hash, author=scene.author, text=text, n=scene.n, received_at=scene.at)

    def effect() -> None:
        scene.state.notes.append(added)

    return effect
