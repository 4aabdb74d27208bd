#!/bin/bash
# KPL aggregates: Amazon's library for Python takes apart what is made here and makes the
# same bytes; what it makes is taken apart here.
. "$(dirname "$0")/lib_api.sh"

need_python
need_tool codec
py codec_kpl.py "$TOOL"
