// SPDX-License-Identifier: GPL-3.0-or-later
//
// One study: its images, what the model says about each, cases that look alike.
'use strict';

const asked = new URLSearchParams(location.search);
let study = null;        // Orthanc's id
let images = [];         // {id, uid}, Orthanc's instances of the study
let results = new Map();  // by SOP Instance UID
let reasons = new Map();  // why an instance has no result, by Orthanc id
let shown = null;        // the image
let down = false;        // whether the worker could not be asked
let finding = asked.get('finding');  // the name of the finding whose heat map is asked for
let newest = 0;          // the last search for similar cases; answers to earlier ones are dropped

function notice(text, ill) {
  const place = byId('notice');
  place.hidden = !text;
  place.className = ill ? 'notice ill' : 'notice';
  place.textContent = text || '';
}

// ---- gathering ----

async function find() {
  study = asked.get('study');
  const instance = asked.get('instance');
  if (!study && !instance) throw new Error('This page needs a study: open it from Orthanc Explorer.');
  if (!study) study = (await ask(`instances/${encodeURIComponent(instance)}/study`)).ID;
  const tags = (await ask(`studies/${encodeURIComponent(study)}`)).MainDicomTags;
  const list = await ask(`studies/${encodeURIComponent(study)}/instances?expand`);
  images = list.map((one) => ({ id: one.ID, uid: one.MainDicomTags.SOPInstanceUID }));
  return { tags, first: images.find((image) => image.id === instance) };
}

async function load() {
  try {
    const answer = await ask(`studies/${encodeURIComponent(study)}/chexworld`);
    for (const result of answer.instances) results.set(result.sop_instance_uid, result);
    down = answer.answered_from === 'cache';
    if (down)
      notice(`The worker is down. What is shown here was read at ${answer.as_of}; heat maps and similar cases are not available.`, true);
  } catch (error) {
    down = error.status === 503 || error.status === 0;
    if (down)
      notice(`The worker is down, so there are no findings and no similar cases now. ${sentence(error.message)}`, true);
    else if (error.status !== 404) notice(sentence(error.message), true);
  }
  if (images.every((image) => results.has(image.uid))) return;
  const failures = await ask('chexworld/failures?limit=10000').catch(() => ({ failures: [] }));
  for (const failure of failures.failures) reasons.set(failure.location.instance_id, failure);
}

// ---- the film ----

function showStrip() {
  byId('strip').hidden = images.length < 2;
  byId('strip').replaceChildren(...images.map((image, number) => {
    const button = element('button', { type: 'button', 'aria-pressed': String(image === shown), title: `Image ${number + 1}` },
      picture(image.id, 144, `Image ${number + 1}`, '?'));
    button.addEventListener('click', () => show(image));
    return button;
  }));
}

function showFilm() {
  const film = picture(shown.id, 1400, 'Radiograph', 'Orthanc cannot show this object as a picture.');
  film.loading = 'eager';
  byId('stage').replaceChildren(film);
  showHeat();
}

/// The map's patches as a small picture: warm where they speak for the finding, blue where against it.
function heatPicture(map) {
  const [rows, columns] = map.grid.shape;
  const values = map.grid.data.map((value) => value - (map.bias_share || 0));
  const most = Math.max(...values.map(Math.abs)) || 1;
  const small = element('canvas', { width: columns, height: rows });
  const pixels = new ImageData(columns, rows);
  values.forEach((value, place) => {
    const strength = Math.abs(value) / most;
    const colour = value > 0 ? [255, 190 - 130 * strength, 50] : [70, 140, 255];
    pixels.data.set([...colour, 255 * strength ** 0.8], 4 * place);
  });
  small.getContext('2d').putImageData(pixels, 0, 0);
  return small;
}

/// Over the film, where the model looked: `window` is in shares of the film's height and width.
function heatOverlay(map, film) {
  const [width, height] = [film.naturalWidth, film.naturalHeight];
  const overlay = element('canvas', { width, height, className: 'heat' });
  const context = overlay.getContext('2d');
  context.imageSmoothingQuality = 'high';
  const { top, left, height: tall, width: wide } = map.window;
  context.drawImage(heatPicture(map), left * width, top * height, wide * width, tall * height);
  overlay.style.opacity = byId('opacity').value / 100;
  return overlay;
}

async function loaded(film) {
  if (!film.complete) await new Promise((done) => film.addEventListener('load', done));
}

async function showHeat() {
  const wanted = byId('heat').checked && finding !== null;
  for (const old of document.querySelectorAll('.stage .heat')) old.remove();
  byId('opacity-label').hidden = !wanted;
  byId('heat-words').textContent = wanted ? `${finding} ...` : byId('heat').disabled ? '' : 'Choose a finding to see where it comes from.';
  if (!wanted) return;
  const [image, name] = [shown, finding];
  const still = () => image === shown && name === finding && byId('heat').checked;
  const words = (text) => { if (still()) byId('heat-words').textContent = text; };
  try {
    const map = await ask(`instances/${encodeURIComponent(image.id)}/chexworld/heatmap?output=json&finding=${encodeURIComponent(name)}`);
    const film = document.querySelector('.stage img');
    if (!film || !still()) return;
    await loaded(film);
    if (!still()) return;
    for (const old of document.querySelectorAll('.stage .heat')) old.remove();
    byId('stage').append(heatOverlay(map, film));
    words(`${name}: warm speaks for it, blue against it.${map.state === 'abstained' ? ' The model abstained here: this is no answer.' : ''}`);
  } catch (error) {
    words(error.status === 503 ? 'Not available while the worker is down.' : sentence(error.message));
  }
}

// ---- what is said about it ----

function fact(name, value) {
  return value ? [element('dt', {}, name), element('dd', {}, value)] : [];
}

function showFacts(result) {
  const failure = reasons.get(shown.id);
  if (!result) {
    const words = down ? 'Not known while the worker is down.' : failure && failure.state === 'skipped' ? `Not embedded: ${failure.reason}` :
      failure ? `No result (${failure.state}): ${failure.reason}` : 'No result yet.';
    byId('facts').replaceChildren(...fact('Result', words));
    return;
  }
  const quality = Array.isArray(result.quality) ? (result.quality.length ? result.quality.join(', ') : 'nothing remarkable') : '';
  byId('facts').replaceChildren(
    ...fact('View', viewName(result.view)),
    ...fact('Quality', quality),
    ...fact('Doubts', Array.isArray(result.doubts) ? result.doubts.join(' ') : ''),
    ...fact('Patient', ageAndSex(result)),
    ...fact('Taken', result.acquisition_date),
    ...fact('Model', element('span', { title: result.model_id }, result.model_id.slice(0, 12))),
    ...fact('Read', result.stored_at.replace('T', ' ').replace('Z', ' UTC')));
}

function scale(entry) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 100 14');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('class', 'scale');
  const part = (name, attributes) => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    svg.append(made);
  };
  part('rect', { class: 'ground', x: 0, y: 4, width: 100, height: 6 });
  if (typeof entry.probability === 'number')
    part('rect', { class: 'bar', x: 0, y: 4, width: 100 * entry.probability, height: 6 });
  if (typeof entry.threshold === 'number')
    part('line', { class: 'threshold', x1: 100 * entry.threshold, x2: 100 * entry.threshold, y1: 0, y2: 14, 'vector-effect': 'non-scaling-stroke' });
  return svg;
}

function row(entry) {
  const limit = typeof entry.threshold === 'number' ? `, threshold ${percent(entry.threshold)}` : '';
  const answer = entry.state === 'abstained' ? 'abstained' : percent(entry.probability);
  const button = element('button', { type: 'button', 'aria-pressed': String(entry.name === finding),
    title: `${entry.name}: ${answer}${entry.state === 'abstained' ? ` (${entry.reason})` : limit}` },
  element('span', { className: 'label' }, entry.name), scale(entry), element('span', { className: 'number' }, answer));
  button.addEventListener('click', () => {
    const again = finding === entry.name && byId('heat').checked;
    finding = entry.name;
    byId('heat').checked = !again;
    showFindings(results.get(shown.uid));
    showHeat();
  });
  return element('li', { className: entry.present ? 'present' : '' }, button);
}

function showFindings(result) {
  const list = result ? [...result.findings] : [];
  list.sort((a, b) => Number(b.present || false) - Number(a.present || false) || (b.probability || 0) - (a.probability || 0));
  if (!list.some((entry) => entry.name === finding)) finding = list.length ? list[0].name : null;
  byId('heat').disabled = list.length === 0;
  if (list.length === 0) byId('heat').checked = false;
  byId('findings').replaceChildren(...list.map(row));
  byId('findings-words').textContent = result && result.abstained ?
    `Abstained: ${sentence(result.abstained.detail)} No probability is given for this image.` :
    list.length ? 'The tick is the threshold. A finding above it is marked.' :
    down && !result ? 'Not known while the worker is down.' :
    result ? 'The active model names no findings: it has no trained head. Similar cases work without one.' : 'None without a result.';
}

function show(image) {
  shown = image;
  const result = results.get(image.uid);
  showStrip();
  showFacts(result);
  showFindings(result);
  showFilm();
  showSimilar();
}

// ---- similar cases ----

function showCase(hit) {
  const place = hit.orthanc;
  const present = hit.findings.filter((entry) => entry.present).map((entry) => entry.name);
  const content = [
    element('div', { className: 'picture' },
      place ? picture(place.instance, 336, 'Similar radiograph') :
        element('span', { className: 'missing' }, 'Not in this Orthanc'),
      element('span', { className: 'score', title: 'Similarity: the cosine between the two embeddings' }, hit.score.toFixed(3))),
    element('div', { className: 'words' },
      element('div', {}, viewName(hit.view)),
      element('div', { className: 'quiet' }, ageAndSex(hit) || 'Age and sex not known'),
      element('div', { className: 'quiet' }, hit.acquisition_date || 'Date not known'),
      present.length ? element('div', { className: 'present' }, present.slice(0, 3).join(', ')) :
        hit.abstained ? element('div', { className: 'quiet' }, `Abstained: ${hit.abstained.reason}`) : null)];
  const target = place && place.study ? `study.html?study=${encodeURIComponent(place.study)}&instance=${encodeURIComponent(place.instance)}` : '';
  return element('li', { className: 'case' }, target ? element('a', { href: target }, ...content) : element('div', {}, ...content));
}

async function showSimilar() {
  const mine = ++newest;
  const words = (text) => { if (mine === newest) byId('cases-words').textContent = text; };
  const whole = byId('by').value === 'study';
  if (!whole && !results.has(shown.uid)) {
    byId('cases').replaceChildren();
    return words('None without a result for this image.');
  }
  words('Searching ...');
  const path = whole ? `studies/${encodeURIComponent(study)}` : `instances/${encodeURIComponent(shown.id)}`;
  try {
    const answer = await ask(`${path}/chexworld/similar?k=${byId('count').value}&exclude-same-study=true&exclude-same-patient=${byId('others').checked}`);
    if (mine !== newest) return;
    byId('cases').replaceChildren(...answer.hits.map(showCase));
    words(answer.hits.length ? `The nearest of ${answer.compared} compared; the number is the cosine.` : 'No other case is known that fits.');
  } catch (error) {
    if (mine === newest) byId('cases').replaceChildren();
    words(error.status === 503 ? 'Not available while the worker is down.' : sentence(error.message));
  }
}

// ---- start ----

async function begin() {
  showState();
  try {
    const { tags, first } = await find();
    const words = [tags.StudyDescription, (tags.StudyDate || '').replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3')].filter(Boolean);
    if (words.length) byId('title').textContent = words.join(' · ');
    byId('study-link').href = `${root}app/explorer.html#study?uuid=${encodeURIComponent(study)}`;
    byId('study-link').hidden = false;
    await load();
    byId('heat').checked = finding !== null;
    const best = first || images.find((image) => results.has(image.uid)) || images[0];
    if (best) show(best);
    else notice('This study has no images.');
  } catch (error) {
    notice(error.status === 404 ? 'Orthanc has no such study.' : sentence(error.message), true);
  }
}

byId('heat').addEventListener('change', showHeat);
byId('opacity').addEventListener('input', () => {
  for (const overlay of document.querySelectorAll('.stage .heat')) overlay.style.opacity = byId('opacity').value / 100;
});
for (const id of ['by', 'others', 'count']) byId(id).addEventListener('change', () => { if (shown) showSimilar(); });
begin();
