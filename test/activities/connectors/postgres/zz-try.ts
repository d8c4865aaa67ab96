import { startTargetDatabase } from '/work/main/test/activities/connectors/postgres/target-database.ts';
import { createPostgresConnector } from '/work/main/activities/connectors/postgres/postgres-connector.ts';
const db = await startTargetDatabase();
const c = createPostgresConnector();
const j=(x:unknown)=>JSON.stringify(x,null,1).slice(0,2500);
try {
 for (const s of ["update account set balance = balance + 5, updated_at = now() where id <= 3", "delete from account where id = 2", "insert into card values (77, 3, 'x')", "select * from account", "update account set balance = random() where id=1", "with d as (delete from card returning *) select count(*) from d", "merge into account a using (values (1,5),(50,6)) v(id,b) on a.id=v.id when matched then update set balance=v.b when not matched then insert (id,owner,balance) values (v.id,'new',v.b)"]) {
  const t=performance.now(); const o=await c.plan(db.call(s)); console.log('\n##',s, (performance.now()-t).toFixed(0)+'ms'); console.log(j(o));
 }
 const o=await c.plan(db.call("update account set balance = balance + 5, updated_at = now() where id <= 3")); if(o.kind!=='planned') throw new Error('x');
 const call=db.approved(o.plan);
 let t=performance.now(); console.log(j(await c.execute(call)), performance.now()-t);
 console.log(j(await c.execute(call)), await c.probe({...call, transactionId:null}));
} finally { await db.stop(); }
