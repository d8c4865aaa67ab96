import type { LineageMember } from './view.ts';

/** A member with its place in the drawing. */
export interface GraphNode {
  readonly member: LineageMember;
  readonly x: number;
  readonly y: number;
}

export interface GraphEdge {
  readonly from: GraphNode;
  readonly to: GraphNode;
  readonly label: string;
  /** Only the caller, or another issuer, says so. */
  readonly isDeclared: boolean;
}

export interface LineageGraph {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** Sizes of the drawing, in its own units. */
export const NODE = { width: 176, height: 44 } as const;
const GAP = { x: 112, y: 16 } as const;

const EDGES: Readonly<Record<string, string>> = {
  owner: 'answers for it',
  on_behalf_of: 'it acts for',
  trigger: 'triggered it',
  editor: 'edited it',
  key_maker: 'made its API key',
};

/** Everybody behind a request on the left, who requested it on the right. One who stands alone is drawn alone. */
export function lineageGraph(lineage: readonly LineageMember[]): LineageGraph {
  const requesters = lineage.filter(({ role }) => role === 'requester');
  const others = lineage.filter(({ role }) => role !== 'requester');
  const rows = Math.max(requesters.length, others.length, 1);
  const height = rows * (NODE.height + GAP.y) - GAP.y;
  const columnOf = (members: readonly LineageMember[], x: number): readonly GraphNode[] => {
    const used = members.length * (NODE.height + GAP.y) - GAP.y;
    return members.map((member, index) => ({
      member,
      x,
      y: (height - used) / 2 + index * (NODE.height + GAP.y),
    }));
  };
  const left = columnOf(others, 0);
  const right = columnOf(requesters, others.length === 0 ? 0 : NODE.width + GAP.x);
  const edges = left.flatMap((from) =>
    right.slice(0, 1).map((to) => ({
      from,
      to,
      label: EDGES[from.member.role] ?? from.member.role,
      isDeclared: from.member.is_declared === true,
    })),
  );
  return {
    width: others.length === 0 ? NODE.width : 2 * NODE.width + GAP.x,
    height,
    nodes: [...left, ...right],
    edges,
  };
}

/** What a member has to do with the request, for people. Approvers of a break-glass request are behind its review. */
export function roleWords(role: LineageMember['role'], action: string): string {
  return action === REVIEW_ACTION && role === 'editor' ? 'approved it' : (ROLES[role] ?? role);
}

/** The review of a break-glass request, as the domain names it. */
export const REVIEW_ACTION = 'keyturn.review';

const ROLES: Readonly<Record<string, string>> = {
  requester: 'requested it',
  owner: 'answers for the requester',
  on_behalf_of: 'the requester acts for them',
  trigger: 'triggered it',
  editor: 'edited it',
  key_maker: 'made the API key of the requester',
};
