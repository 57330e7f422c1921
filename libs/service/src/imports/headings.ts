/**
 * What people write above a column, by the field that they mean. The first Chinese one is the field's own name in that language: lists are exported
 * under it, and so come back without a mapping.
 */
const headings: Readonly<Record<string, readonly string[]>> = {
  companyName: [
    '公司名称',
    '公司',
    '单位',
    '单位名称',
    '企业名称',
    '企业',
    '客户名称',
    '客户公司',
    '所属公司',
    'company',
    'organisation',
    'organization',
    'firm',
  ],
  contactName: ['联系人', '联系人姓名', '姓名', '客户姓名', 'contact', 'contact person', 'full name', 'name'],
  name: [
    '名称',
    '姓名',
    '公司名称',
    '公司',
    '客户名称',
    '单位名称',
    '单位',
    '企业名称',
    '联系人',
    '联系人姓名',
    '产品名称',
    'full name',
    'company name',
    'company',
    'account name',
    'account',
    'product name',
    'product',
    'contact name',
  ],
  account: [
    '客户',
    '客户名称',
    '公司名称',
    '公司',
    '单位',
    '单位名称',
    '企业名称',
    '所属客户',
    'account name',
    'company name',
    'company',
    'customer',
  ],
  jobTitle: ['职位', '职务', '岗位', '头衔', 'title', 'position', 'role'],
  email: ['邮箱', '电子邮箱', '电子邮件', '邮件', '邮箱地址', 'e-mail', 'mail', 'email address', 'e-mail address'],
  phone: [
    '电话',
    '手机',
    '手机号',
    '手机号码',
    '联系电话',
    '电话号码',
    '移动电话',
    '联系方式',
    '座机',
    'mobile',
    'mobile phone',
    'telephone',
    'tel',
    'cell',
    'phone number',
  ],
  country: ['国家', '国家/地区', '国别', 'country code'],
  region: ['地区', '区域', '省份', '省', '大区', 'state', 'province', 'area'],
  location: ['地址', '所在地', '城市', '详细地址', 'city', 'address', 'office location'],
  class: ['客户类别', '客户分类', '类别', 'class', 'customer class', 'account class'],
  industry: ['行业', '所属行业', 'sector', 'branch'],
  website: ['网址', '网站', '官网', '公司网址', 'web', 'url', 'homepage', 'web site'],
  employees: ['员工数', '员工人数', '人数', '公司规模', 'number of employees', 'headcount', 'staff'],
  foundedYear: ['成立年份', '成立时间', 'founded', 'year established', 'year founded'],
  annualRevenue: ['年收入', '年营业额', '营业额', '年销售额', 'revenue', 'annual turnover', 'turnover'],
  currency: ['币种', '货币', 'currency code'],
  parent: ['上级公司', '母公司', '上级客户', 'parent company', 'parent account', 'subsidiary of'],
  source: ['来源', '线索来源', '客户来源', 'lead source', 'origin'],
  channel: ['渠道', '来源渠道'],
  campaign: ['市场活动', '活动', '营销活动'],
  owner: [
    '负责人',
    '销售',
    '销售人员',
    '业务员',
    '跟进人',
    '所有人',
    'sales rep',
    'sales agent',
    'salesperson',
    'assigned to',
    'account manager',
  ],
  note: ['备注', '说明', '描述', '注释', 'notes', 'remark', 'remarks', 'comment', 'comments', 'description'],
  externalId: ['外部编号', '编号', '客户编号', '线索编号', 'id', 'external id', 'reference', 'number', 'no'],
  createdAt: ['创建时间', '创建日期', '日期', '录入时间', 'created', 'created on', 'creation date', 'date'],
  title: ['标题', '商机名称', '项目名称', '商机', 'opportunity', 'opportunity name', 'deal', 'deal name', 'name'],
  product: ['产品', '产品名称', 'product name', 'item'],
  process: ['销售流程', '流程', 'pipeline', 'sales process'],
  stage: ['阶段', '销售阶段', 'deal stage', 'sales stage'],
  stageEnteredAt: ['进入阶段时间', 'stage since'],
  closedAt: ['关闭时间', '成交时间', '成交日期', '关闭日期', 'closed', 'close date', 'closed on'],
  expectedCloseOn: ['预计成交日期', '预计成交时间', 'expected close', 'expected close date'],
  amount: ['金额', '商机金额', '预计金额', '成交金额', 'value', 'deal value', 'close value'],
  lossReason: ['丢单原因', '输单原因', 'lost reason', 'loss reason'],
  competitor: ['竞争对手', '竞品'],
  code: ['编码', '产品编码', '产品编号', 'product code', 'sku', 'article number'],
  family: ['产品类别', '类别', '产品线', 'series', 'product family', 'category', 'product line'],
  description: ['描述', '产品描述', '说明'],
  unit: ['单位', '计量单位', '部门', 'team', 'department', 'uom'],
  price: ['价格', '单价', '售价', '标准价', 'sales price', 'list price', 'unit price'],
  roles: ['角色', '联系人角色', '权限', 'role'],
  password: ['密码', '初始密码'],
  parentUnit: ['上级部门', 'parent team', 'office', 'regional office'],
  id: ['编号'],
  status: ['状态'],
  ownerId: ['负责人编号'],
  accountId: ['客户编号'],
  accountName: ['客户名称'],
  updatedAt: ['更新时间'],
  dueOn: ['到期日'],
  number: ['单号'],
  tags: ['标签', 'labels', 'keywords'],
  grade: ['评级'],
  score: ['评分'],
  total: ['合计'],
}

/** A field as it is called above its column, in a language; by its name in the API where we have no other word. */
export function headingOf(field: string, language: 'en' | 'zh-CN'): string {
  return (language === 'zh-CN' && headings[field]?.find((heading) => /[\u4e00-\u9fff]/.test(heading))) || field
}

/** Which column each field is likely meant by: its own name first, then the usual headings, in English or Chinese. */
export function guessColumns(fields: readonly string[], columns: readonly string[]): Record<string, string> {
  const byKey = new Map<string, string>()
  for (const column of columns) if (column && !byKey.has(keyOf(column))) byKey.set(keyOf(column), column)
  const guessed: Record<string, string> = {}
  const taken = new Set<string>()
  const take = (field: string, heading: string) => {
    const column = byKey.get(keyOf(heading))
    if (column === undefined || taken.has(column) || guessed[field] !== undefined) return
    guessed[field] = column
    taken.add(column)
  }
  for (const field of fields) take(field, field)
  for (const field of fields) for (const heading of headings[field] ?? []) take(field, heading)
  return guessed
}

/** Headings that differ in blanks, signs, capitals or a remark in brackets are the same. */
function keyOf(heading: string): string {
  return heading
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\([^)]*\)/g, '')
    .replace(/[\s_\-./:*'"]+/g, '')
}
