"""Adds every page of docs/adr to the navigation."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Fill the empty navigation entry `Decisions` of mkdocs.yml."""
    pages = sorted(page.src_uri for page in files.documentation_pages() if page.src_uri.startswith("adr/"))
    reference = next(section for section in config.nav if "Reference" in section)["Reference"]
    next(entry for entry in reference if "Decisions" in entry)["Decisions"] = pages
    return files
