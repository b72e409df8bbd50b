// Keeps the report of a check up to date, until all bots have ended.
LLMBots.reload('llm-bots-check', report => ('ended' in report.dataset ? 0 : 1));
