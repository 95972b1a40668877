#include "clients/load/report_html.h"
#include "clients/load/report_markup.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#16202c;--soft:#5b6878;--back:#f6f7f9;--card:#fff;"
    "--edge:#dde2e9;--s1:#1d5fd1;--s2:#c56a00;--s3:#7a3fc4;--bad:#c62828;--good:#1b7a3d;"
    "--badback:#fdecea;--goodback:#e7f5ec;--warn:#7a5200;--warnback:#fff4d9}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e5eaf0;--soft:#9aa7b6;--back:#11161d;"
    "--card:#1a212b;--edge:#2d3846;--s1:#6ea8ff;--s2:#f0a346;--s3:#b98cf5;--bad:#ff7b72;"
    "--good:#5fd38a;--badback:#3a1f1f;--goodback:#17301f;--warn:#f2cc73;--warnback:#352b12}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}\n"
    "main{max-width:1120px;margin:0 auto;padding:24px 16px 48px}h1{font-size:1.6rem;"
    "margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:32px 0 10px}"
    "p{margin:4px 0}small,.soft{color:var(--soft)}\n"
    ".badge{display:inline-block;padding:3px 12px;border-radius:99px;font-weight:600;"
    "border:1px solid var(--edge);margin:6px 0}.good{color:var(--good)}"
    ".badge.good{background:var(--goodback)}.bad{color:var(--bad)}"
    ".badge.bad{background:var(--badback)}\n"
    ".notes{background:var(--warnback);color:var(--warn);border-radius:8px;padding:8px 16px;"
    "margin:14px 0}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:10px;"
    "margin:16px 0}.tile,figure,.scroll{background:var(--card);border:1px solid var(--edge);"
    "border-radius:8px}.tile{padding:10px 14px}.tile b{display:block;font-size:1.45rem;"
    "line-height:1.3;white-space:nowrap}\n"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));"
    "gap:12px}figure{margin:0;padding:10px 12px;break-inside:avoid}svg{display:block;width:100%;"
    "height:auto}svg text{font-size:11px;fill:var(--soft)}.end{text-anchor:end}"
    ".mid{text-anchor:middle}\n"
    ".grid{stroke:var(--edge);stroke-width:1;fill:none}.line{fill:none;stroke-width:1.6;"
    "stroke-linejoin:round;stroke-linecap:round}.s1{stroke:var(--s1);--key:var(--s1)}"
    ".s2{stroke:var(--s2);--key:var(--s2)}.s3{stroke:var(--s3);--key:var(--s3)}"
    ".line.bad,.key.bad{stroke:var(--bad);--key:var(--bad)}.dashed{stroke-dasharray:5 4}\n"
    ".warm{fill:var(--soft);opacity:.13}.over{fill:transparent}.over:hover{fill:var(--soft);"
    "opacity:.25}.key{color:var(--soft);font-size:.82rem;margin-left:10px;white-space:nowrap}"
    ".key::before{content:\"\";display:inline-block;width:14px;border-top:3px solid var(--key);"
    "margin-right:5px;vertical-align:middle}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.88rem;"
    "font-variant-numeric:tabular-nums}th,td{padding:6px 10px;text-align:left;"
    "border-bottom:1px solid var(--edge);white-space:nowrap}th{color:var(--soft);font-weight:600}"
    ".n{text-align:right}tr:last-child td{border-bottom:0}tr.sum td{font-weight:600}"
    "tr.part td{color:var(--soft)}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 16px;margin:0}"
    "dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}footer{margin-top:32px}\n"
    "@media(max-width:600px){svg text{font-size:15px}.tile b{font-size:1.2rem}"
    "main{padding:14px 10px 32px}}\n"
    "@media print{:root{--back:#fff}main{max-width:none}.over{display:none}"
    ".scroll{overflow:visible}table{font-size:.7rem}th,td{padding:3px 5px}}\n";

void report_html_begin(FILE *stream, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'\"><title>",
          stream);
    report_html_text(stream, title);
    fprintf(stream, "</title><style>\n%s</style></head><body><main>\n", style);
}

void report_html_end(FILE *stream)
{
    fputs("</main></body></html>\n", stream);
}

void report_html_tile(FILE *stream, const char *name, const char *value, const char *note)
{
    fputs("<div class=\"tile\"><span class=\"soft\">", stream);
    report_html_text(stream, name);
    fputs("</span><b>", stream);
    report_html_text(stream, value);
    fputs("</b><small>", stream);
    report_html_text(stream, note);
    fputs("</small></div>\n", stream);
}

void report_html_cell(FILE *stream, const char *text)
{
    fputs("<td>", stream);
    report_html_text(stream, text);
}

void report_html_number(FILE *stream, const char *text)
{
    fputs("<td class=\"n\">", stream);
    report_html_text(stream, text);
}
