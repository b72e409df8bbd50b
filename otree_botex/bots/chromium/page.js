// The page as it stands now: its HTML with the state of all controls written into it, and a list of these controls.
//
// What is not to be seen is marked by data-botex-unseen, what is seen of a control by data-botex with its number (and
// the control itself by data-botex-control), shadow trees and frames of the same origin stand in place. `base` is where
// the numbers of this frame begin; `frames` has the frames in it that may be read, each with its HTML; `images` says
// whether canvases are to be pictures.
([base, frames, images]) => {
  if (!document.documentElement) throw new Error('There is no document here yet.');
  const botex = window.__botex;
  const TEXTS = ['text', 'search', 'email', 'url', 'tel', 'password', 'date', 'time', 'month', 'week',
                 'datetime-local', 'color'];
  const ROLES = {button: 'button', link: 'link', checkbox: 'checkbox', switch: 'checkbox', radio: 'radio',
                 slider: 'slider', textbox: 'text', searchbox: 'text', spinbutton: 'number', tab: 'button',
                 menuitem: 'button', option: 'button', menuitemradio: 'radio', menuitemcheckbox: 'checkbox'};
  const RAW = ['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'LINK', 'META', 'TITLE', 'BASE'];
  const BOARDS = ['TABLE', 'TBODY', 'UL', 'OL', 'DIV', 'SECTION', 'MAIN'];
  const MOST_NAME = 200, MOST_TILES = 300, LONG = 160, MOST_NUMBERS = 5000;
  const page = document.implementation.createHTMLDocument('');
  const inner = new Map(frames);
  const controls = [];

  const squeeze = text => (text || '').replace(/\s+/g, ' ').trim().slice(0, MOST_NAME);
  const rootOf = element => element.shadowRoot || botex.roots.get(element) || null;
  const styleOf = element => getComputedStyle(element);

  // ---- what is to be seen

  function isSeen(element) {
    const style = styleOf(element);
    if (style.display === 'contents') return element.localName === 'slot' || hasParts(element);
    if (!element.checkVisibility({opacityProperty: true})) return false;
    const box = element.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) {
      if (box.width === box.height && !element.firstChild) return element.localName === 'br';
      if (style.overflow !== 'visible') return false;
    }
    const isApart = style.position === 'absolute' || style.position === 'fixed';
    if (isApart && (style.clip === 'rect(0px, 0px, 0px, 0px)' || box.width <= 1 && box.height <= 1)) return false;
    return !isBeyond(element, box);
  }

  // Whether anything in an element that has no box of its own is drawn.
  function hasParts(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getClientRects().length > 0;
  }

  // Whether nobody can scroll so far to the left or up as to see it.
  function isBeyond(element, box) {
    let right = box.right + scrollX, bottom = box.bottom + scrollY;
    let at = element.parentElement;
    for (; at && at !== document.body && (right <= 0 || bottom <= 0); at = at.parentElement) {
      right += at.scrollLeft;
      bottom += at.scrollTop;
    }
    return right <= 0 || bottom <= 0;
  }

  function hasBox(element) {
    const box = element.getBoundingClientRect();
    return element.checkVisibility({visibilityProperty: true}) && box.width > 0 && box.height > 0;
  }

  // ---- names

  function nameOf(element) {
    const by = (element.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean)
      .map(id => element.getRootNode().getElementById?.(id)).filter(Boolean);
    if (by.length) return squeeze(by.map(one => one.innerText).join(' '));
    if (element.ariaLabel) return squeeze(element.ariaLabel);
    if (element.labels?.length) return squeeze([...element.labels].map(label => ownText(label)).join(' '));
    if (element.matches('input[type=submit], input[type=button], input[type=reset]')) {
      return squeeze(element.value || (element.type === 'reset' ? 'Reset' : 'Submit'));
    }
    if (!element.matches('input, select, textarea') && !element.isContentEditable) {
      const images = [...element.querySelectorAll('img[alt], svg title')].map(one => one.alt || one.textContent);
      const text = squeeze(element.innerText || '') || squeeze(images.join(' '));
      if (text) return text;
    }
    return squeeze(element.alt || element.title || element.placeholder || '');
  }

  // A label's text without that of the controls in it.
  function ownText(label) {
    if (!label.querySelector('select, textarea, button, option')) return label.innerText;
    const copy = label.cloneNode(true);
    for (const inner of copy.querySelectorAll('select, textarea, button')) inner.remove();
    return copy.textContent;
  }

  // ---- which elements are controls

  function kindOf(element) {
    const type = element.type;
    switch (element.localName) {
      case 'input':
        if (type === 'hidden') return '';
        if (['submit', 'button', 'reset', 'image'].includes(type)) return 'button';
        if (['radio', 'checkbox', 'number', 'file'].includes(type)) return type;
        return type === 'range' ? 'slider' : 'text';
      case 'select': case 'textarea': case 'button': return element.localName;
      case 'summary': return 'button';
      case 'a': if (element.hasAttribute('href')) return element.getAttribute('href').startsWith('javascript:')
        || hears(element) ? 'button' : 'link'; break;
      case 'label': case 'option': case 'html': case 'body': case 'form': return '';
    }
    const role = ROLES[element.getAttribute('role')];
    if (role) return role;
    if (element.isContentEditable && !element.parentElement?.isContentEditable) return 'textarea';
    if (element.draggable && element.localName !== 'img') return 'area';
    return hears(element) || takesDrops(element) ? 'area' : '';
  }

  function hears(element) {
    return botex.mouse.has(element) && !relays.has(element) || isMeant(element) || Boolean(element.onclick
      || element.onmousedown || element.onmouseup || element.onpointerdown || element.ondblclick
      || element.ontouchstart);
  }

  // Whether jQuery listens for it further out: $(document).on('click', '.tile', …).
  function isMeant(element) {
    return selectors.size > 0 && [...selectors].some(selector => jQuery(element).is(selector));
  }

  const selectors = new Set(), relays = new Set();  // what it listens for there, and the elements where it does

  function readDelegation(element) {
    const listeners = Object.values(window.jQuery?._data?.(element, 'events') || {}).flat()
      .filter(one => /^(click|dblclick|mouse(down|up)|pointer|touch)/.test(one.origType));
    for (const {selector} of listeners) if (selector) selectors.add(selector);
    if (listeners.length && listeners.every(one => one.selector)) relays.add(element);
  }

  function takesDrops(element) {
    return botex.drops.has(element) || Boolean(element.ondrop || element.ondragover);
  }

  // What is dropped on one of the things in a place is dropped in that place, before or behind it.
  function liesInPlace(element) {
    for (let at = element.parentElement; at; at = at.parentElement) if (takesDrops(at)) return true;
    return false;
  }

  // Listens for being gripped, and not for being clicked.
  function isGripped(element) {
    return botex.grips.has(element) && !botex.clicks.has(element) && !element.onclick;
  }

  // Without a listener of its own: a script may listen further out, and a person goes by the pointer's form.
  function looksPressable(element) {
    const cursor = styleOf(element).cursor, parent = element.parentElement;
    return ['pointer', 'grab', 'move', 'crosshair'].includes(cursor)
      && !(parent && styleOf(parent).cursor === cursor) && !element.closest('label, a[href], button, summary');
  }

  // The parts of an element that listens for all of them, a grid of tiles for example. What says several things at once
  // is one thing to press if it is small, and else a board of things.
  function tilesOf(element) {
    if (!BOARDS.includes(element.tagName) || element.getBoundingClientRect().height <= 120) return [];
    if (element.parentElement?.closest('[role=button], button')) return [];
    const tiles = [...element.querySelectorAll('*')].filter(part => !part.firstElementChild && hasBox(part)
      && !['BR', 'SCRIPT', 'STYLE', 'OPTION', 'LABEL'].includes(part.tagName));
    const texts = new Set(tiles.map(tile => tile.textContent.trim()));
    const isBoard = tiles.length > 3 && tiles.length <= MOST_TILES && (texts.size > 1 || texts.has(''));
    return isBoard ? tiles : [];
  }

  // The things in a list that are moved with the mouse alone, as jQuery UI and SortableJS do it; null if it is none.
  function movedIn(element) {
    const parts = [...element.children].filter(hasBox);
    const isAlone = ![...element.parentElement?.children || []].some(one => one !== element && isGripped(one));
    const alike = parts.length > 1 && parts.every(part => part.tagName === parts[0].tagName);
    if (['UL', 'OL', 'TBODY'].includes(element.tagName)) return parts;
    return BOARDS.includes(element.tagName) && alike && (isAlone || parts[0].className) ? parts : null;
  }

  const found = new Map();  // element -> kind
  const holders = new Set();  // elements in which there is one of those
  const moved = new Set(), lists = new Set();  // things that can be moved, and places where they are
  const elements = [];
  (function gather(root) {
    for (const element of root.querySelectorAll('*')) {
      elements.push(element);
      const inside = rootOf(element);
      if (inside) gather(inside);
    }
  })(document);
  for (const one of [document, ...elements]) readDelegation(one);

  function find(element, kind) {
    found.set(element, kind);
    for (let at = element.parentElement; at && !holders.has(at); at = at.parentElement) holders.add(at);
  }

  for (const element of elements) {
    const kind = RAW.includes(element.tagName) ? '' : kindOf(element);
    if (kind) find(element, kind);
  }
  for (const element of [...found.keys()].filter(isGripped)) {
    const parts = movedIn(element);
    if (parts) lists.add(element);
    for (const part of parts || [element]) {
      if (parts || [...element.parentElement.children].filter(isGripped).length > 1) moved.add(part);
      if (!found.has(part)) find(part, 'area');
    }
  }
  for (const [element, kind] of [...found]) {
    if (kind !== 'area' || element.draggable || takesDrops(element)) continue;
    if (holders.has(element) || moved.has(element)) continue;
    const tiles = tilesOf(element);
    if (tiles.length) found.delete(element);
    for (const tile of tiles) find(tile, 'area');
  }
  for (const element of elements) {
    if (found.has(element) || holders.has(element) || RAW.includes(element.tagName)) continue;
    if (['HTML', 'BODY', 'LABEL', 'OPTION', 'SELECT', 'IFRAME'].includes(element.tagName)) continue;
    if (!element.checkVisibility() || !looksPressable(element)) continue;
    const tiles = tilesOf(element);
    for (const part of tiles.length ? tiles : [element]) find(part, 'area');
  }

  // ---- numbers: an element keeps its number; one that took another's place takes over its number

  function numberOf(element, kind, name) {
    const known = botex.numbers.get(element);
    if (botex.elements.get(known)?.element === element) return known;
    const sign = [element.localName, kind, element.id, element.getAttribute('name'), element.className, name].join('|');
    let number;
    for (const [other, was] of botex.elements) {
      if (!was.element.isConnected && was.sign === sign) { number = other; break; }
    }
    if (number === undefined) number = base + (botex.next += 1);
    botex.numbers.set(element, number);
    botex.elements.set(number, {element, sign});
    return number;
  }

  function isChecked(element, kind) {
    if (element.localName === 'input') return element.checked;
    return ['radio', 'checkbox'].includes(kind) ? element.getAttribute('aria-checked') === 'true' : null;
  }

  function describe(element, kind, at) {
    const name = nameOf(element);
    const number = numberOf(element, kind, name);
    botex.elements.get(number).at = at;
    const isInput = element.matches('input, select, textarea');
    const value = element.localName === 'select' || kind === 'button' || kind === 'link' ? ''
      : isInput ? element.value : kind === 'slider' || kind === 'number' ? element.ariaValueNow || ''
      : kind === 'textarea' || kind === 'text' ? element.innerText : '';
    const options = element.localName === 'select' ? [...element.options]
      .map(option => ({label: squeeze(option.label || option.text), chosen: option.selected && !option.hidden,
                       disabled: option.hidden || option.matches(':disabled')})) : [];
    const cursor = styleOf(element).cursor, says = squeeze(element.innerText);
    return {
      n: number, kind, name, value, field: element.form && element.name || '', checked: isChecked(element, kind),
      disabled: element.matches(':disabled') || element.ariaDisabled === 'true',
      readonly: Boolean(element.readOnly && !['radio', 'checkbox', 'range'].includes(element.type)),
      options, multiple: Boolean(element.multiple),
      min: isInput ? element.min || '' : element.ariaValueMin || '',
      max: isInput ? element.max || '' : element.ariaValueMax || '',
      step: isInput ? element.step || '' : '', type: isInput ? element.type : '',
      maxlength: isInput && element.maxLength > 0 ? element.maxLength : null,
      drag: element.draggable && !['a', 'img'].includes(element.localName) || moved.has(element)
        || kind === 'area' && ['grab', 'move'].includes(cursor),
      click: kind !== 'area' || !lists.has(element) && (hears(element) || moved.has(element) || cursor === 'pointer'),
      drop: takesDrops(element) || lists.has(element) || moved.has(element)
        || element.draggable && liesInPlace(element),
      submits: Boolean(element.form) && element.form.method === 'post'
        && ['submit', 'image'].includes(element.type),
      opens: element.matches('summary, [data-bs-toggle], [data-toggle], [aria-expanded], [aria-haspopup], '
        + '[popovertarget], [data-bs-dismiss], [data-dismiss]'),
      chat: Boolean(element.closest('.otree-chat')),
      outer: kind === 'area' && (holders.has(element) || says.length > LONG || !name.includes(says)),
    };
  }

  // ---- the copy

  function attributesOf(element, copy) {
    for (const {name, value} of element.attributes) {
      if (!/^on/i.test(name) || name === 'onclick') try { copy.setAttribute(name, value); } catch (error) {}
    }
    if (element.localName === 'input' && element.type !== 'file') {
      copy.setAttribute('value', element.value);
      copy.toggleAttribute('checked', element.checked);
    }
    if (element.localName === 'option') copy.toggleAttribute('selected', element.selected);
    if (element.matches('input, select, textarea, button, option, fieldset')) {
      copy.toggleAttribute('disabled', element.disabled);
    }
  }

  // What is drawn on a canvas, unless it may not be read.
  function pictureOf(canvas) {
    if (!isSeen(canvas) || !canvas.width || !canvas.height) return null;
    const copy = page.createElement('img');
    attributesOf(canvas, copy);
    try { copy.setAttribute('src', canvas.toDataURL()); } catch (error) { return null; }
    copy.setAttribute('alt', nameOf(canvas) || 'a drawing');
    if (marks.has(canvas)) copy.setAttribute('data-botex', marks.get(canvas));
    return copy;
  }

  const numbers = new Map();  // control -> number
  const marks = new Map();  // element at which a number stands: the control's own, or that of a label that draws it

  function copyOf(element) {
    if (RAW.includes(element.tagName)) return element.cloneNode(true);
    const copy = page.createElement(/^[a-z][a-z0-9-]*$/.test(element.localName) ? element.localName : 'span');
    attributesOf(element, copy);
    const hidden = styleOf(element).visibility !== 'visible';
    const listed = ['OPTION', 'OPTGROUP'].includes(element.tagName);
    const unseen = !listed && (!isSeen(element) || hidden && !element.firstElementChild);
    copy.toggleAttribute('data-botex-unseen', unseen);
    if (marks.has(element)) copy.setAttribute('data-botex', marks.get(element));
    if (numbers.has(element)) copy.setAttribute('data-botex-control', numbers.get(element));
    if (element.localName === 'textarea') {
      copy.textContent = element.value;
      return copy;
    }
    if (element.localName === 'iframe' || element.localName === 'frame') {
      const content = page.createElement('div');
      content.innerHTML = inner.get(element) || '';
      return content;
    }
    if (element.localName === 'canvas' && images) return pictureOf(element) || copy;
    if (element.localName === 'img' && element.src) copy.setAttribute('src', element.currentSrc || element.src);
    const root = rootOf(element);
    const children = root ? root.childNodes
      : element.localName === 'slot' && element.assignedNodes().length ? element.assignedNodes() : element.childNodes;
    for (const child of children) {
      if (child.nodeType === Node.ELEMENT_NODE) copy.append(copyOf(child));
      else if (child.nodeType === Node.TEXT_NODE && !hidden) copy.append(page.createTextNode(child.data));
    }
    return copy;
  }

  if (botex.elements.size > MOST_NUMBERS) {  // long gone
    for (const [number, {element}] of botex.elements) if (!element.isConnected) botex.elements.delete(number);
  }
  for (const [element, kind] of found) {
    // a box may be drawn by its label: then that is what is seen and pressed
    const labels = ['radio', 'checkbox', 'file'].includes(kind) && element.labels ? [...element.labels] : [];
    const at = isSeen(element) && hasBox(element) ? element : labels.find(label => hasBox(label)) || null;
    if (!at || !hasBox(at)) continue;
    if (['button', 'link'].includes(kind) === false && element.parentElement?.closest('button')) continue;
    if (element.closest('.debug-info, .powered-by-otree')) continue;
    const control = describe(element, kind, at);
    controls.push(control);
    marks.set(at, control.n);
    numbers.set(element, control.n);
  }
  const copy = copyOf(document.documentElement);
  const marked = [...copy.querySelectorAll('[data-botex]')];
  const order = new Map(marked.map((one, place) => [Number(one.getAttribute('data-botex')), place]));
  controls.sort((one, other) => order.get(one.n) - order.get(other.n));
  return {
    html: '<!DOCTYPE html>' + copy.outerHTML, controls, keys: botex.keys || Boolean(document.onkeydown
      || document.onkeyup || document.onkeypress || window.onkeydown || document.body?.onkeydown),
    title: document.title, version: botex.version,
  };
}
