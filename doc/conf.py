# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""For sphinx-build: sphinx-build -W doc build/doc"""
project = "net_tap"
copyright = "2026 The net_tap authors"
extensions = ["sphinx.ext.autosectionlabel", "myst_parser"]
autosectionlabel_prefix_document = True
html_theme = "alabaster"
html_sidebars = {"**": ["globaltoc.html", "searchbox.html"]}
html_copy_source = False
