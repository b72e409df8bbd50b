// The page of a set of prompts: each text area is as high as its text, and the prompt that a link leads to is open.
(function () {
  function fit(area) {
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight + 2}px`;
  }
  document.querySelectorAll('.llm-bots-prompt').forEach(prompt => {
    const area = prompt.querySelector('textarea');
    prompt.addEventListener('toggle', () => fit(area));
    area.addEventListener('input', () => fit(area));
    if (prompt.open) fit(area);
  });
  const wanted = document.getElementById(location.hash.slice(1));
  if (wanted && wanted.matches('details')) wanted.open = true;
})();
