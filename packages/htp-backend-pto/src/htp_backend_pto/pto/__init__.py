"""The tile instructions of pto-isa, each with its meaning: `from htp_backend_pto import pto`, then `pto.add(a, b)`.

Names are those of hw-native-sys/pto-isa@cd4a3d3f, include/pto/common/pto_instr.hpp, without the T and in lower case.
"""

from __future__ import annotations

from htp_backend_pto.pto._elementwise import *
from htp_backend_pto.pto._expansions import *
from htp_backend_pto.pto._indexing import *
from htp_backend_pto.pto._making import *
from htp_backend_pto.pto._masks import *
from htp_backend_pto.pto._matrix import *
from htp_backend_pto.pto._reductions import *
from htp_backend_pto.pto._scalars import *
from htp_backend_pto.pto._transfers import *
