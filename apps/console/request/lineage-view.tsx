import { Foreign } from '../shown/foreign.tsx';
import { lineageGraph, NODE, roleWords, type GraphEdge, type GraphNode } from './lineage-graph.ts';
import classes from './lineage-view.module.css';
import { Section } from './section.tsx';
import type { Card, LineageMember } from './view.ts';

/** Who is behind a request: a drawing, and the same as a list that says how it is known. */
export function LineageView({ card }: { readonly card: Card }) {
  const { lineage, request } = card;
  return (
    <Section title="Who is behind it" part="lineage" aside="None of them may approve it">
      <div className={classes.lineage}>
        {lineage.length > 1 && <Drawing lineage={lineage} />}
        <ul className={classes.list}>
          {lineage.map((member) => (
            <li key={`${member.role} ${member.issuer} ${member.subject}`}>
              <strong>
                {member.name === undefined ? (
                  <Foreign text={member.subject} />
                ) : (
                  <Foreign text={member.name} />
                )}
              </strong>
              {member.kind !== undefined && <span className={classes.kind}>{member.kind}</span>}{' '}
              <span className="keyturn-quiet">{roleWords(member.role, request.action)}</span>
              <div className={classes.account}>
                {member.is_declared && (
                  <span className={classes.declared}>
                    Not proven: only the caller or another issuer says so.{' '}
                  </span>
                )}
                account <code>{<Foreign text={member.subject} />}</code> at{' '}
                <code>{<Foreign text={member.issuer} />}</code>
              </div>
            </li>
          ))}
        </ul>
      </div>
    </Section>
  );
}

/** Names that are too long for a box are whole in the list beside it. */
function Drawing({ lineage }: { readonly lineage: readonly LineageMember[] }) {
  const { width, height, nodes, edges } = lineageGraph(lineage);
  return (
    <svg viewBox={`-1 -1 ${width + 2} ${height + 2}`} className={classes.drawing} aria-hidden="true">
      {edges.map((edge) => (
        <Edge key={`${edge.label} ${edge.from.y}`} edge={edge} />
      ))}
      {nodes.map((node) => (
        <Node key={`${node.member.role} ${node.member.issuer} ${node.member.subject}`} node={node} />
      ))}
    </svg>
  );
}

const NAME_MAX = 22;

function Node({ node: { member, x, y } }: { readonly node: GraphNode }) {
  const name = Array.from(member.name ?? member.subject);
  // Only letters, digits and plain marks are drawn: what else there may be stands in the list.
  const shown = name
    .slice(0, NAME_MAX)
    .join('')
    .replace(/[^\p{L}\p{N}\p{P} ]/gu, '·');
  return (
    <g
      className={classes.node}
      data-kind={member.kind ?? 'unknown'}
      data-declared={member.is_declared || undefined}
    >
      <rect x={x} y={y} width={NODE.width} height={NODE.height} rx="6" />
      <text x={x + 12} y={y + 18} className={classes.name}>
        {name.length > NAME_MAX ? `${shown}…` : shown}
      </text>
      <text x={x + 12} y={y + 34} className={classes.role}>
        {member.role === 'requester'
          ? `requester${member.kind === 'agent' ? ', an agent' : ''}`
          : (member.kind ?? 'not in the directory')}
      </text>
    </g>
  );
}

function Edge({ edge: { from, to, label, isDeclared } }: { readonly edge: GraphEdge }) {
  const start = { x: from.x + NODE.width, y: from.y + NODE.height / 2 };
  const end = { x: to.x, y: to.y + NODE.height / 2 };
  const middle = (start.x + end.x) / 2;
  return (
    <g className={classes.edge} data-declared={isDeclared || undefined}>
      <path d={`M${start.x} ${start.y} C${middle} ${start.y} ${middle} ${end.y} ${end.x - 5} ${end.y}`} />
      <path
        className={classes.arrow}
        d={`M${end.x - 7} ${end.y - 4} L${end.x} ${end.y} L${end.x - 7} ${end.y + 4} Z`}
      />
      <text x={start.x + 8} y={start.y - 5}>
        {label}
      </text>
    </g>
  );
}
