/* The table of the flags of "run". */
#include "clients/load/commands.h"
#include "clients/load/plan_read.h"
#include "clients/load/plan_read_flags.h"
#include "ds/setting_rows.h"

#define TEXT_SETTING(flag, variable, value, member, text)                                          \
    {                                                                                              \
        .name = (flag), .environment = {variable}, .kind = DS_SETTING_TEXT, .argument = (value),   \
        .offset = offsetof(struct load_options, member), .help = (text)                            \
    }
#define LIST_SETTING(flag, variable, value, member, text)                                          \
    {                                                                                              \
        .name = (flag), .environment = {variable}, .kind = DS_SETTING_LIST, .argument = (value),   \
        .offset = offsetof(struct load_options, member), .help = (text)                            \
    }
#define NUMBER_SETTING(flag, variable, value, member, most, text)                                  \
    {                                                                                              \
        .name = (flag), .environment = {variable}, .kind = DS_SETTING_INTEGER, .argument = "N",    \
        .default_text = (value), .minimum = 0, .maximum = (most),                                  \
        .offset = offsetof(struct load_options, member), .help = (text)                            \
    }
#define BOOLEAN_SETTING(flag, variable, member, text)                                              \
    {                                                                                              \
        .name = (flag), .environment = {variable}, .kind = DS_SETTING_BOOLEAN,                     \
        .offset = offsetof(struct load_options, member), .help = (text)                            \
    }

static const struct ds_setting settings[] = {
    TEXT_SETTING("scenario", "DS_LOAD_SCENARIO", "FILE", scenario,
                 "what to do, in JSON; \"-\": standard input. The flags change it"),
    TEXT_SETTING("method", NULL, "METHOD", method,
                 "instead of a scenario: a native call, PACKAGE.SERVICE/METHOD or METHOD"),
    TEXT_SETTING("get", NULL, "PATH", get, "instead: GET of that path with its query"),
    TEXT_SETTING("request", NULL, "REQUEST", request,
                 "instead: a request such as \"POST /v1/ticks\""),
    TEXT_SETTING("data", NULL, "JSON", data,
                 "the body of --method or --request; @FILE: that file's, @-: standard input's"),
    LIST_SETTING("header", NULL, "NAME: VALUE", header, "of --get or --request; repeatable"),
    LIST_SETTING("url", "DS_LOAD_URL", "URL", url,
                 "where native calls go: ipc:///PATH, tcp://HOST:PORT or tls+tcp://HOST:PORT; "
                 "NAME=URL: the target of that name in a scenario, repeatable "
                 "[ipc://DATA/run/storage.sock]"),
    TEXT_SETTING("rest", "DS_LOAD_REST", "URL", rest,
                 "where REST requests go [http://127.0.0.1:8080]"),
    DS_DATA_DIR_SETTING(load_options, "the data folder whose service native calls go to when "
                                      "nothing else says"),
    TEXT_SETTING("rate", "DS_LOAD_RATE", "RATE", rate,
                 "flows a second, whatever becomes of the ones before: 1000, 1000/s, 60/m"),
    TEXT_SETTING("users", "DS_LOAD_USERS", "N", users,
                 "so many users, each of whom begins anew when its flow has ended [1]"),
    BOOLEAN_SETTING("poisson", "DS_LOAD_POISSON", poisson,
                    "flows begin at random moments instead of equal distances"),
    LIST_SETTING("stage", NULL, "TIME:LEVEL", stage,
                 "for so long in a straight line to that many flows a second: 30s:1000; "
                 "repeatable, 0:1000 jumps"),
    BOOLEAN_SETTING("closed", NULL, closed, "the levels of --stage are users"),
    TEXT_SETTING("duration", "DS_LOAD_DURATION", "TIME", duration,
                 "of the run, warm-up included; a scenario's stages become as much longer or "
                 "shorter [10s]"),
    TEXT_SETTING("warm-up", "DS_LOAD_WARM_UP", "TIME", warm_up,
                 "at the beginning, in which calls are made and not counted [0]"),
    NUMBER_SETTING("threads", "DS_LOAD_THREADS", "1", threads, LOAD_THREADS_MAX,
                   "that make the load"),
    NUMBER_SETTING(
        "connections", "DS_LOAD_CONNECTIONS", "0", connections, LOAD_CONNECTIONS_MAX,
        "of each thread to each target; 0: 16 for REST, 2 for native calls, more for many users"),
    NUMBER_SETTING("in-flight-max", "DS_LOAD_IN_FLIGHT_MAX", "10000", in_flight_max,
                   LOAD_IN_FLIGHT_MAX,
                   "flows under way beyond which none is begun; they count as unsent"),
    TEXT_SETTING("timeout", "DS_LOAD_TIMEOUT", "TIME", timeout,
                 "how long a call may take from its sending [10s]"),
    {.name = "seed",
     .environment = {"DS_LOAD_SEED"},
     .kind = DS_SETTING_INTEGER,
     .argument = "N",
     .default_text = "1",
     .minimum = 0,
     .maximum = INT64_MAX,
     .offset = offsetof(struct load_options, seed),
     .help = "the same one gives the same requests"},
    LIST_SETTING("slo", NULL, "OBJECTIVE", slo,
                 "what must hold, else the exit code is 99: list_ticks:p99<5ms, *:errors<0.1%, "
                 "*:rate>1000; repeatable"),
    BOOLEAN_SETTING("abort-on-fail", NULL, abort_on_fail, "end as soon as an objective is missed"),
    LIST_SETTING("watch", NULL, "NAME=PID", watch,
                 "a server on this machine whose CPU and memory are sampled; repeatable"),
    BOOLEAN_SETTING("alone", NULL, alone,
                    "native calls go out in messages of their own instead of shared ones"),
    TEXT_SETTING("tls-ca", "DS_TLS_CA", "FILE", tls_ca,
                 "the authority that a tls+tcp address's certificate must come from, in PEM"),
    {.name = "authorization",
     .environment = {"DS_LOAD_AUTHORIZATION"},
     .kind = DS_SETTING_TEXT,
     .is_secret = true,
     .offset = offsetof(struct load_options, authorization),
     .help = "of every call that has none of its own: \"Bearer …\""},
    TEXT_SETTING("json", NULL, "FILE", json, "write the result for programs; \"-\": to stdout"),
    TEXT_SETTING("csv", NULL, "FILE", csv, "write the seconds of the run, a line each"),
    TEXT_SETTING("hgrm", NULL, "FILE", hgrm, "write the latency's percentiles for HdrHistogram"),
    TEXT_SETTING("html", NULL, "FILE", html, "write a page with plots"),
    TEXT_SETTING("operation", NULL, "NAME", operation, "whose percentiles --hgrm writes [all]"),
    BOOLEAN_SETTING("no-live", NULL, no_live, "show nothing while the run goes on"),
    BOOLEAN_SETTING("progress", NULL, progress,
                    "lines on stderr while the run goes on, where it is no terminal"),
    {.name = "quiet",
     .short_flag = 'q',
     .kind = DS_SETTING_BOOLEAN,
     .offset = offsetof(struct load_options, quiet),
     .help = "no table at the end and nothing before"},
};

const struct ds_program load_run_program = {
    .name = "deltastream-load run",
    .summary = "Put load on servers, by native calls and REST, and measure.",
    .examples =
        "  deltastream-load --get /v1/products --rate 500 --duration 10s\n"
        "  deltastream-load --method LatestTick --data '{\"product\": \"NIFTY\"}' --users 8\n"
        "  deltastream-load --request 'POST /v1/ticks' --data @ticks.json --stage 10s:200\n"
        "  deltastream-load --scenario market_readers.json --slo '*:p99<20ms' --html r.html\n",
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};
