// The executor as one translation unit, so that building it is one short command.
#define HTP_PTO_EXECUTOR 1
#include "accept.cpp"
#include "execute.cpp"
#include "graph.cpp"
#include "hazards.cpp"
#include "lane.cpp"
#include "report.cpp"
#include "session.cpp"
#include "submit.cpp"
