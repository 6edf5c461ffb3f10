"""From a photograph to restored faces and back into it, and the record that makes a result again."""
