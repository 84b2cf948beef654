PYTHON="/venv/bin/python"
export PYTHON
PATH="/venv/bin":${PATH}
COURSYS_USER="coursys"
export COURSYS_USER
COURSYS_USER_HOME="/home/coursys"
export COURSYS_USER_HOME
COURSYS_DIR="/coursys"
export COURSYS_DIR
COURSYS_DEPLOY_MODE="proddev"
export COURSYS_DEPLOY_MODE
COURSYS_STATIC_DIR="/opt/static"
export COURSYS_STATIC_DIR
COURSYS_DATA_ROOT="/opt"
export COURSYS_DATA_ROOT
LANG=en_CA.UTF-8
export LANG
