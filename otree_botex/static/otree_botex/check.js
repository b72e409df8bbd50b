// Keeps the report of a check up to date: loads its page again once a second, until all bots have ended.
(function () {
  async function refresh() {
    const old = document.getElementById('llm-bots-check');
    if ('ended' in old.dataset) return;
    try {
      const response = await fetch(location.pathname);
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      old.replaceWith(page.getElementById('llm-bots-check') || old);
      document.getElementById('llm-bots-check').classList.remove('opacity-50');
    } catch (error) {
      old.classList.add('opacity-50');  // the server is away; what stands here is old
    }
    setTimeout(refresh, 1000);
  }
  setTimeout(refresh, 1000);
})();
