"""Write what the list of chapters determines: the README's table, each notebook's last line.

`make outputs` runs it, as `python -m tools.write_navigation`. It writes only files that change.
"""

import json
import re
from pathlib import Path

from sockets_lab.course import CHAPTERS, Chapter, navigation, readme_table

__all__ = ["BEGIN", "END", "main", "written"]

HERE = Path(__file__).parent.parent
BEGIN = "<!-- chapters: written by make outputs -->"
END = "<!-- end of chapters -->"

# A line that `navigation` wrote, also from an older list.
NAVIGATION = re.compile(r"^(← .*|Next: .*→)$", flags=re.MULTILINE)


def written(readme: str, table: str) -> str:
    """Return the README with the table between its two markers."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def navigated(notebook: str, here: Chapter) -> str:
    """Return the notebook with the chapter's navigation at the end of its last text cell."""
    content = json.loads(notebook)
    cell = [one for one in content["cells"] if one["cell_type"] == "markdown"][-1]
    text = NAVIGATION.sub("", "".join(cell["source"])).rstrip()
    cell["source"] = f"{text}\n\n{navigation(here)}".splitlines(keepends=True)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def save(path: Path, text: str) -> None:
    if path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote {path.relative_to(HERE)}")


def main() -> None:
    """Write the README's table and every written chapter's navigation."""
    readme = HERE / "README.md"
    save(readme, written(readme.read_text(encoding="utf-8"), readme_table()))
    for one in CHAPTERS:
        if one.written:
            path = HERE / "notebooks" / one.file
            save(path, navigated(path.read_text(encoding="utf-8"), one))


if __name__ == "__main__":
    main()
