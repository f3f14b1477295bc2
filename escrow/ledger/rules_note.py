"""Rule S9: the convenor or a seat leaves a note."""

from escrow.ledger.scene import Effect, Scene
from escrow.ledger.state import NoteState
from escrow.model.deeds import Note


def note(scene: Scene, deed: Note) -> Effect:
    """S9. Changes nothing but the list of notes, which is not kept where `texts` is False."""
    scene.require_member()

    def effect() -> None:
        if scene.texts:
            scene.state.notes.append(
                NoteState(
                    hash=scene.hash, author=scene.author, text=deed.text, n=scene.n, received_at=scene.at
                )
            )

    return effect
