// The search of the pages: their sections come as a file of the site, when somebody begins to type. Nothing is asked of others.
// And the list of pages begins where the reader is.
'use strict';
(() => {
  const { root, none, found } = document.currentScript.dataset;
  const box = document.querySelector('.search input');
  const results = document.querySelector('.results');
  const language = document.documentElement.lang;
  const shown = 12;
  let sections;

  // Without case and accents.
  const folded = (text) => text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');

  globalThis.relevo_pages = (entries) => {
    sections = entries.map(([page, heading, address, text, of]) => ({
      page, heading, address, text, of, title: folded(`${heading} ${page}`), all: folded(`${page} ${heading} ${text}`) }));
    search();
  };

  function load() {
    if (document.querySelector('script[data-pages]')) return;
    const script = document.createElement('script');
    script.src = `${root}search-pages.js`;
    script.dataset.pages = '';
    document.head.append(script);
  }

  // Words in titles count more, and so do pages in the reader's language.
  const weight = (section, words) => words.reduce((sum, word) => sum + (section.title.includes(word) ? 4 : 1), 0) + (section.of === language ? 2 : 0);

  function link_to(section) {
    const link = document.createElement('a');
    link.href = root + section.address;
    const title = document.createElement('strong');
    title.textContent = section.heading ? `${section.page}: ${section.heading}` : section.page;
    const text = document.createElement('span');
    text.textContent = section.text.slice(0, 120);
    link.append(title, text);
    return link;
  }

  function search() {
    const words = folded(box.value).split(/\s+/).filter(Boolean);
    results.hidden = words.length === 0;
    if (!sections || results.hidden) return;
    const hits = sections.filter((section) => words.every((word) => section.all.includes(word)));
    hits.sort((a, b) => weight(b, words) - weight(a, words));
    const count = document.createElement('p');
    count.textContent = hits.length === 0 ? none : `${hits.length} ${found}`;
    results.replaceChildren(count, ...hits.slice(0, shown).map(link_to));
  }

  const list = document.querySelector('nav.pages');
  const here = list.querySelector('[aria-current]');
  if (here) list.scrollTop = here.offsetTop - list.offsetTop - list.clientHeight / 2;

  box.disabled = false;
  box.addEventListener('focus', load);
  box.addEventListener('input', () => { load(); search(); });
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !event.target.closest('input')) { event.preventDefault(); box.focus(); }
    if (event.key === 'Escape') { results.hidden = true; box.blur(); }
  });
  document.addEventListener('click', (event) => { if (!event.target.closest('.search')) results.hidden = true; });
})();
