"""The server against irctest, the conformance suite that the IRC servers share. It stays outside the repository.

git clone https://github.com/progval/irctest
python -m venv irctest/venv && irctest/venv/bin/pip install -r irctest/requirements.txt
IRCTEST=irctest IRCTEST_PYTHON=irctest/venv/bin/python pytest tests/conformance
"""
