# SPDX-License-Identifier: Apache-2.0
"""demo/report.html: what the demo did, with pictures; one file that opens without a network."""
import base64
import html
import json
import os

import quality

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 1.2rem;color:#1d2530;background:#fff}
h1{font-size:1.9rem;margin-bottom:.2rem}h2{font-size:1.25rem;margin-top:2.4rem;border-bottom:1px solid #d8dee6;padding-bottom:.3rem}
p.lead{color:#4a5666;margin-top:0}table{border-collapse:collapse}td,th{padding:.25rem .9rem .25rem 0;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}.films{display:flex;gap:.7rem;flex-wrap:wrap;align-items:flex-start}
figure{margin:0;width:11rem}figure img{width:100%;height:12.5rem;object-fit:contain;background:#000;border-radius:4px;display:block}
figcaption{font-size:.82rem;color:#4a5666;line-height:1.35;margin-top:.3rem}figure.same img{outline:3px solid #2f9e6e}
figure.query img{outline:3px solid #3b6fd4}.bar{display:inline-block;height:.85rem;background:#3b6fd4;border-radius:2px;vertical-align:-.1rem}
.bar.chance{background:#b6c0cc}.note{background:#f3f6fa;border-left:4px solid #b6c0cc;padding:.6rem 1rem;font-size:.92rem}
code{background:#f3f6fa;padding:.05rem .3rem;border-radius:3px}footer{margin-top:3rem;color:#6a7686;font-size:.85rem}
"""


def picture(png):
    kind = "png" if png[:4] == b"\x89PNG" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(png).decode()}"


def figure(png, caption, kind=""):
    return f'<figure class="{kind}"><img alt="" src="{picture(png)}"><figcaption>{caption}</figcaption></figure>'


def rows(pairs):
    return "<table>" + "".join(f'<tr><td>{name}</td><td class="n">{value}</td></tr>' for name, value in pairs) + "</table>"


# ---- the loss as a drawing ----

def records(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def loss_curve(run_folder):
    points = [(entry["update"], entry["loss"]) for entry in records(os.path.join(run_folder, "metrics.jsonl"))
              if "loss" in entry]
    if len(points) < 2:
        return "<p>Too few updates for a curve.</p>"
    width, height, left, below = 640, 220, 56, 34
    low, high = min(loss for _, loss in points), max(loss for _, loss in points)
    first, last = points[0][0], points[-1][0]
    room = (high - low) or 1

    def at(update, loss):
        x = left + (width - left - 10) * (update - first) / max(1, last - first)
        return f"{x:.1f},{10 + (height - below - 10) * (high - loss) / room:.1f}"

    line = " ".join(at(*point) for point in points)
    texts = "".join(f'<text x="{left - 8}" y="{y}" text-anchor="end">{value:.2f}</text>'
                    for y, value in ((16, high), (height - below + 4, low)))
    texts += f'<text x="{left}" y="{height - 8}">update {first}</text>'
    texts += f'<text x="{width - 10}" y="{height - 8}" text-anchor="end">{last}</text>'
    return (f'<svg viewBox="0 0 {width} {height}" width="{width}" font-size="13" fill="#4a5666" font-family="system-ui">'
            f'<path d="M{left} 10V{height - below}H{width - 10}" fill="none" stroke="#b6c0cc"/>'
            f'<polyline points="{line}" fill="none" stroke="#3b6fd4" stroke-width="2"/>{texts}</svg>')


# ---- parts of the page ----

def caption_of(demo, uid, score=None):
    label = demo.labels.get(uid, {}).get("label", "")
    return (f"<b>{html.escape(label)}</b><br>" if label else "") + (f"cosine {score:.4f}" if score is not None else "")


def similar_cases(demo):
    """The example and its nearest films of other patients."""
    query = demo.example
    films = [figure(demo.orthanc.picture(demo.ids[query]), caption_of(demo, query) + "the question", "query")]
    for hit in demo.orthanc.search(query, 4, exclude_same_patient=True):
        uid = hit["sop_instance_uid"]
        if uid in demo.ids:
            same = demo.labels.get(uid, {}).get("label") == demo.labels.get(query, {}).get("label", "-")
            films.append(figure(demo.orthanc.picture(demo.ids[uid]), caption_of(demo, uid, hit["score"]), "same" if same else ""))
    note = " Outlined in green: the same label as the question (blue)." if demo.labels else ""
    return f'<div class="films">{"".join(films)}</div><p>Nearest films of other patients, answered by the last model.{note}</p>'


def answer_of(finding):
    """The probability, or that the head gave none."""
    return "abstained" if finding["probability"] is None else f"{finding['probability']:.2f}"


def heat_map(demo):
    """A film as it came, and where its own finding was seen."""
    if not demo.labels:
        return "<p>There are no labels, so no findings were learnt and there is nothing to point at.</p>"
    if demo.explained is None or not os.path.exists(demo.file("heat-map.png")):
        return "<p>No findings were fitted, so there is nothing to point at.</p>"
    label, orthanc_id = demo.labels[demo.explained]["label"], demo.ids[demo.explained]
    with open(demo.file("heat-map.png"), "rb") as file:
        overlay = file.read()
    result = demo.orthanc.get(f"/instances/{orthanc_id}/chexworld")
    found = {finding["name"]: finding for finding in result.get("findings", [])}
    told = "".join(f"<tr><td>{html.escape(name)}</td><td class=n>{answer_of(finding)}</td>"
                   f"<td class=n>{finding['threshold']:.2f}</td></tr>" for name, finding in found.items())
    return (f'<div class="films">{figure(demo.orthanc.picture(orthanc_id), caption_of(demo, demo.explained) + "as it came")}'
            f'{figure(overlay, "what spoke for <b>" + html.escape(label) + "</b>")}'
            f"<table><tr><th>finding</th><th>probability</th><th>threshold</th></tr>{told}</table></div>"
            "<p>A linear head fitted to the labels of this demo on top of the frozen encoder. Of all films with a finding this is the one whose own finding "
            "lies furthest above its threshold, and it was among those that the head was fitted to.</p>")


def quality_bars(demo):
    parts = []
    for what in demo.quality[-1][1]:
        lines = [(name, found[what]["share"], "") for name, found in demo.quality if what in found]
        lines.append(("by chance", demo.quality[-1][1][what]["chance"], "chance"))
        table = "".join(f'<tr><td>{html.escape(name)}</td><td><span class="bar {kind}" style="width:{24 * share:.2f}rem">'
                        f"</span> {100 * share:.1f} %</td></tr>" for name, share, kind in lines)
        parts.append(f"<p>Of the {quality.NEIGHBOURS} nearest films of other patients, those with the same <b>{what}</b> as the film asked "
                     f"with ({demo.quality[-1][1][what]['queries']} questions):</p><table>{table}</table>")
    return "".join(parts) or "<p>There was nothing to measure it by.</p>"


def write_report(path, demo):
    facts, options = demo.facts, demo.options
    source = options.dicom or options.images
    films = f"<code>{html.escape(source)}</code>" if source else "synthetic films of <code>chexworld phantom</code>; no person is shown"
    reasons = [(f"without a result: {html.escape(reason)}", count) for reason, count in facts["reasons"].items()]
    page = f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>chexworld demo</title><style>{STYLE}</style>
<h1>What chexworld just did</h1>
<p class="lead">{facts['studies']} studies arrived in an Orthanc over C-STORE ({films}). Each radiograph was judged, decoded and embedded as it came.
An encoder was trained on that archive for at most {'a minute' if options.minutes == 1 else f'{options.minutes:g} minutes'} and took over while Orthanc went on.</p>
<h2>Similar cases</h2>{similar_cases(demo)}
<h2>Where a finding was seen</h2>{heat_map(demo)}
<h2>Did the training help the search?</h2>{quality_bars(demo)}
<p class="note">A few minutes on a small archive show that everything works together, not what the model can learn:
the paper trains a model thirty times as large on half a million radiographs. docs/results.md has what was measured.</p>
<h2>Training loss</h2>{loss_curve(demo.file("run"))}
<p>Its targets move, so it need not fall. <a href="run/report.html">The report of the run</a> has more.</p>
<h2>In numbers</h2>{rows([("studies", facts['studies']), ("instances", facts['instances']), ("with a result", facts['embedded']), *reasons])}
<h2>Time</h2>{rows([(html.escape(what), f"{seconds:.1f} s") for what, seconds in demo.steps.seconds])}
<footer>Research software, not a medical device: nothing here is a diagnosis. Models, in order: {", ".join(f"{html.escape(name)} <code>{identifier[:12]}</code>" for name, identifier in demo.models)}.</footer>
</html>
"""
    with open(path, "w", encoding="utf-8") as file:
        file.write(page)
