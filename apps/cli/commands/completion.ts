import { Argument, type Command } from 'commander';

import { withExamples } from '../help.ts';
import type { Terminal } from '../terminal.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

type Shell = (typeof SHELLS)[number];

/** What a shell runs at each TAB: it hands over the words so far, and shows what comes back. */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_keyturn() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(keyturn complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _keyturn keyturn`,
  zsh: `#compdef keyturn
_keyturn() {
  local -a words_found
  words_found=("\${(@f)$(keyturn complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $words_found
}
compdef _keyturn keyturn`,
  fish: `complete -c keyturn -f -a '(keyturn complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
};

/** `keyturn completion`, and what its scripts call. */
export function addCompletion(program: Command, terminal: Terminal): void {
  const command = program
    .command('completion')
    .addArgument(new Argument('<shell>', 'the shell that completes').choices(SHELLS))
    .description('print a script that lets your shell complete commands and options')
    .action((shell: Shell) => terminal.data(SCRIPTS[shell]));
  withExamples(command, [
    'source <(keyturn completion bash)           # in ~/.bashrc',
    'source <(keyturn completion zsh)            # in ~/.zshrc, after compinit',
    'keyturn completion fish > ~/.config/fish/completions/keyturn.fish',
  ]);
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action((words: string[]) => {
      const found = completionsOf(program, words);
      if (found.length > 0) terminal.data(found.join('\n'));
    });
}

/** The completions of the last word. */
function completionsOf(program: Command, words: readonly string[]): readonly string[] {
  const before = words.slice(0, -1);
  const partial = words.at(-1) ?? '';
  const [command, depth] = commandOf(program, before);
  return candidates(command, before, depth).filter((candidate) => candidate.startsWith(partial));
}

function candidates(command: Command, before: readonly string[], depth: number): readonly string[] {
  const help = command.createHelp();
  const options = help.visibleOptions(command);
  const option = options.find(({ long, short }) => before.at(-1) === long || before.at(-1) === short);
  // An option that takes a value is followed by one.
  if (option && (option.required || option.optional)) return option.argChoices ?? [];
  const position = before.slice(depth).filter((word) => !word.startsWith('-')).length;
  return [
    ...help.visibleCommands(command).map((child) => child.name()),
    ...(command.registeredArguments[position]?.argChoices ?? []),
    ...options.flatMap(({ long }) => long ?? []),
  ];
}

/** The command that the words so far have led to, and how many of them name it. */
function commandOf(command: Command, words: readonly string[], depth = 0): [Command, number] {
  const child = command.commands.find((candidate) => candidate.name() === words[depth]);
  return child ? commandOf(child, words, depth + 1) : [command, depth];
}
