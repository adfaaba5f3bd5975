"""One module a figure (or a few that share their measuring); found by listing this folder."""
