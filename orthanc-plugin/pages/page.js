// SPDX-License-Identifier: GPL-3.0-or-later
//
// What both pages use. Everything shown is put in as text, never as HTML.
'use strict';

const root = '../../';  // Orthanc's own root, also behind a proxy that adds a prefix

/// An element with properties and children; texts become text nodes.
function element(name, properties, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties || {})) {
    if (key.startsWith('aria-')) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function byId(id) { return document.getElementById(id); }

/// JSON from Orthanc or the plugin; an Error with the sentence and the status it gave where there is none.
async function ask(path, options) {
  let response;
  try {
    response = await fetch(root + path, { cache: 'no-store', ...options });
  } catch {
    throw Object.assign(new Error('Orthanc does not answer.'), { status: 0 });
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  const sentence = body && body.error && body.error.message;
  throw Object.assign(new Error(sentence || `Orthanc answered ${response.status}.`), { status: response.status });
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

/// A picture that Orthanc makes, at most `size` pixels wide and high; a word in its place where it cannot.
function picture(instance, size, alternative, missing) {
  const image = element('img', { alt: alternative, decoding: 'async', loading: 'lazy' });
  image.addEventListener('error', () => {
    image.replaceWith(element('span', { className: 'missing' }, missing || 'Orthanc shows no picture of this'));
  });
  image.src = `${root}instances/${encodeURIComponent(instance)}/rendered?width=${size}&height=${size}`;
  return image;
}

const views = { PA: 'Frontal, PA', AP: 'Frontal, AP', LL: 'Lateral', frontal: 'Frontal', lateral: 'Lateral' };
const sexes = { F: 'Female', M: 'Male', O: 'Other' };

function viewName(view) { return views[view] || 'View not known'; }

function ageAndSex(result) {
  const age = typeof result.age_years === 'number' ? `${Math.floor(result.age_years)} years` : '';
  return [sexes[result.sex] || '', age].filter(Boolean).join(', ');
}

function percent(probability) {
  return probability >= 0.005 && probability < 0.995 ? `${Math.round(100 * probability)} %` :
    probability < 0.5 ? '< 1 %' : '> 99 %';
}

/// Shows at the top of the page how the worker is; returns the status, or null where there is none.
async function showState() {
  const place = byId('state');
  try {
    const status = await ask('chexworld/status');
    const state = status.worker.state;
    place.className = state === 'serving' ? 'state well' : 'state ill';
    place.textContent = { serving: 'Worker running', down: 'Worker down', draining: 'Worker stopping',
      'no-model': 'No model active' }[state] || `Worker: ${state}`;
    return status;
  } catch (error) {
    place.className = 'state ill';
    place.textContent = error.message;
    return null;
  }
}
