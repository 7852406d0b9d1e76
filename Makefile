# Parley. `make` alone lists what there is. Choose another Python with PYTHON=, another address with HOST= and PORT=.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
export HOST PORT PARLEY_PUBLIC_URL

help: ## What there is
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10
run: serving ## Start the site at http://HOST:PORT/ (127.0.0.1:8000); installs what serving needs
	@exec .venv/bin/python manage.py start
setup: ## Install everything: serving, training, tests
	@command -v $(PYTHON) >/dev/null || { echo "Parley: there is no Python here. Install Python 3.11 or newer."; exit 1; }
	@$(PYTHON) install.py all
test: setup ## Run the tests, those of the web on SQLite and on PostgreSQL; some with T="-k name"
	@.venv/bin/python -m tests $(T)
lint: setup ## Check style, types and import contracts
	@.venv/bin/ruff check . && .venv/bin/mypy && .venv/bin/lint-imports
bench: setup ## Compare with peers; more with B="name"
	@.venv/bin/python -m tests.benchmarks $(B)
peers: setup ## Install what benchmarks are held against, into .peers
	@test -d .peers || .venv/bin/python -m venv .peers
	@.peers/bin/pip install -q $$(.venv/bin/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['peers'])")
pictures: setup ## Take the README's pictures anew; all of them with P=--all D=folder
	@.venv/bin/python -m tests.browser.pictures $(P) $(or $(D),docs/pictures)
lock: setup ## Write requirements.lock from what is installed
	@.venv/bin/python -m pip freeze --exclude-editable | sed -E 's/\+cpu//' | grep -E '^[A-Za-z0-9_.-]+==' > requirements.lock
serving:
	@command -v $(PYTHON) >/dev/null || { echo "Parley: there is no Python here. Install Python 3.11 or newer."; exit 1; }
	@$(PYTHON) install.py serve

.PHONY: help run setup test lint bench peers pictures lock serving
