import type { ItemKind, Stage, StageItem, Wording } from './process.js'

/** A process that the platform brings along. */
export interface Template {
  readonly key: 'five-stages' | 'value-selling' | 'eight-stages' | 'deal-control' | 'simple'
  readonly name: Wording
  readonly stages: readonly Stage[]
}

type Pair = readonly [zh: string, en: string]

const say = ([zh, en]: Pair): Wording => ({ en, 'zh-CN': zh })

interface About {
  readonly phase: Pair
  readonly goal: Pair
  readonly done: Pair
  readonly tools?: readonly Pair[]
  readonly days: number
  readonly hint?: Pair
  readonly outcome?: 'won'
}

function stage(key: string, name: Pair, probability: number, about: About, items: readonly StageItem[]): Stage {
  return {
    key,
    name: say(name),
    probability: String(probability),
    outcome: about.outcome ?? 'open',
    buyingPhase: say(about.phase),
    goal: say(about.goal),
    definitionOfDone: say(about.done),
    workInstruction: null,
    tools: (about.tools ?? []).map(say),
    expectedDays: about.days,
    failureHint: about.hint ? say(about.hint) : null,
    gate: 'block',
    items,
  }
}

/** An item that the stage cannot be left without. */
const must = (key: string, kind: ItemKind, weight: number, ...name: Pair): StageItem => item(key, kind, weight, true, name)
const may = (key: string, kind: ItemKind, weight: number, ...name: Pair): StageItem => item(key, kind, weight, false, name)

function item(key: string, kind: ItemKind, weight: number, required: boolean, name: Pair): StageItem {
  return { key, name: say(name), kind, options: [], required, weight: String(weight) }
}

const phases = {
  unaware: ['尚未察觉', 'Not looking yet'],
  need: ['认识需求', 'Recognises a need'],
  shaping: ['解决方案形成', 'Shapes a solution'],
  evaluating: ['评估', 'Evaluates'],
  committing: ['承诺', 'Commits'],
  using: ['使用', 'Uses'],
} as const satisfies Record<string, Pair>

const fiveStages: Template = {
  key: 'five-stages',
  name: say(['五阶段销售流程', 'Five stages']),
  stages: [
    stage(
      'first-contact',
      ['初步接洽', 'First contact'],
      10,
      {
        phase: phases.need,
        goal: ['找到联系人,弄清客户为何愿意交谈', 'Find the person to talk to and learn why they talk to us'],
        done: ['客户同意就其需求会面', 'The customer agrees to meet about their need'],
        tools: [
          ['电话与邮件脚本', 'Scripts for calls and e-mails'],
          ['公司介绍', 'Company profile'],
        ],
        days: 14,
        hint: ['客户没有兴趣:练习开场与提问', 'No interest: practise openings and questions'],
      },
      [
        must('contact', 'contact_role', 5, '联系人及其角色', 'Contact and role'),
        may('reason', 'text', 3, '客户愿意交谈的原因', 'Why the customer talks to us'),
        may('first-meeting', 'visit', 2, '首次会面', 'First meeting'),
      ],
    ),
    stage(
      'needs-confirmed',
      ['需求确认', 'Needs confirmed'],
      30,
      {
        phase: phases.shaping,
        goal: ['与客户就需求、预算和时间达成一致', 'Agree on need, budget and time with the customer'],
        done: ['客户书面确认需求', 'The customer confirmed the need in writing'],
        tools: [
          ['需求调研表', 'Needs questionnaire'],
          ['成功案例', 'Success stories'],
        ],
        days: 21,
        hint: ['需求不清:练习需求访谈', 'Need stays vague: practise needs interviews'],
      },
      [
        must('need', 'text', 8, '确认的需求', 'Confirmed need'),
        must('budget', 'money', 5, '预算', 'Budget'),
        may('decision-maker', 'contact_role', 5, '决策人', 'Decision maker'),
        may('wanted-by', 'date', 2, '希望上线日期', 'Wanted by'),
      ],
    ),
    stage(
      'quotation',
      ['报价', 'Quotation'],
      50,
      {
        phase: phases.evaluating,
        goal: ['提交与需求相符的报价并取得反馈', 'Hand in a quote that fits the need and get an answer to it'],
        done: ['客户认可报价范围', 'The customer accepts the range of the quote'],
        tools: [
          ['报价模板', 'Quote template'],
          ['价值说明', 'Value summary'],
        ],
        days: 14,
        hint: ['价格被拒:练习价值呈现', 'Price refused: practise presenting value'],
      },
      [
        must('quote-sent', 'quote', 10, '已发送的报价', 'Quote that was sent'),
        may('quote-answer', 'text', 6, '客户对报价的反馈', 'What the customer said to it'),
        may('rivals', 'text', 4, '竞争对手及其方案', 'Competitors and their offers'),
      ],
    ),
    stage(
      'contract-drafting',
      ['拟定合同', 'Contract drafting'],
      80,
      {
        phase: phases.committing,
        goal: ['条款达成一致,双方准备签署', 'Agree on the terms; both sides are ready to sign'],
        done: ['双方法务与审批人通过合同文本', 'Legal and approvers of both sides passed the text'],
        tools: [
          ['合同模板', 'Contract template'],
          ['谈判工作表', 'Negotiation worksheet'],
        ],
        days: 21,
        hint: ['合同未签:练习谈判', 'Contract not signed: practise negotiation'],
      },
      [
        must('contract-draft', 'contract', 15, '合同草案', 'Contract draft'),
        may('terms-agreed', 'tick', 10, '条款已达成一致', 'Terms are agreed'),
        may('signing-day', 'date', 5, '约定的签署日期', 'Agreed day of signing'),
      ],
    ),
    stage(
      'won',
      ['赢单', 'Won'],
      100,
      {
        phase: phases.committing,
        goal: ['签署合同并交接执行', 'Sign, and hand over to delivery'],
        done: ['合同已签署', 'The contract is signed'],
        days: 7,
        outcome: 'won',
      },
      [must('signed-contract', 'contract', 20, '已签署的合同', 'Signed contract')],
    ),
  ],
}

const valueSelling: Template = {
  key: 'value-selling',
  name: say(['价值销售', 'Value selling']),
  stages: [
    stage(
      'target-identified',
      ['目标识别', 'Target identified'],
      10,
      {
        phase: phases.unaware,
        goal: ['选出值得投入的客户并取得首次交谈', 'Choose a customer worth the effort and get a first talk'],
        done: ['客户承认一个我们能解决的难题', 'The customer admits a pain that we can cure'],
        tools: [
          ['目标客户清单', 'List of targets'],
          ['成功案例', 'Success stories'],
        ],
        days: 30,
      },
      [
        must('pain', 'text', 6, '客户承认的难题', 'Pain that was admitted'),
        may('fit', 'tick', 4, '符合目标客户画像', 'Fits the profile of a target'),
      ],
    ),
    stage(
      'supporter-won',
      ['赢得支持者', 'Supporter won'],
      30,
      {
        phase: phases.need,
        goal: ['有人愿意在内部支持我们', 'Somebody inside supports us'],
        done: ['支持者确认愿景并同意引见权力人物', 'The supporter confirms the vision and will introduce us to power'],
        tools: [
          ['甄别提问', 'Qualifying questions'],
          ['支持者信函', 'Supporter letter'],
        ],
        days: 21,
      },
      [
        must('supporter', 'contact_role', 10, '支持者', 'Supporter'),
        may('vision', 'text', 5, '支持者的愿景', 'The supporter’s vision'),
        may('supporter-letter', 'file', 5, '支持者信函', 'Supporter letter'),
      ],
    ),
    stage(
      'power-supporter-won',
      ['赢得权力支持者', 'Power supporter won'],
      50,
      {
        phase: phases.shaping,
        goal: ['能影响决策的人支持我们', 'Somebody who can move the decision supports us'],
        done: ['权力支持者认可评估计划', 'The power supporter agrees to a plan of evaluation'],
        tools: [
          ['影响范围图', 'Influence map'],
          ['评估计划', 'Evaluation plan'],
        ],
        days: 21,
      },
      [
        must('power-supporter', 'contact_role', 10, '权力支持者', 'Power supporter'),
        may('evaluation-plan', 'file', 6, '评估计划', 'Evaluation plan'),
        may('value-agreed', 'money', 4, '双方认可的价值', 'Value that both sides see'),
      ],
    ),
    stage(
      'executive-supporter-won',
      ['赢得高层支持者', 'Executive supporter won'],
      70,
      {
        phase: phases.evaluating,
        goal: ['高层认可投资与回报', 'The executive sees cost and return as we do'],
        done: ['高层支持者确认立项与预算', 'The executive confirms project and budget'],
        tools: [
          ['价值总结', 'Value summary'],
          ['成本效益表', 'Cost-benefit table'],
        ],
        days: 21,
      },
      [
        must('executive', 'contact_role', 10, '高层支持者', 'Executive supporter'),
        may('budget-confirmed', 'money', 6, '确认的预算', 'Confirmed budget'),
        may('executive-visit', 'visit', 4, '高层拜访', 'Visit to the executive'),
      ],
    ),
    stage(
      'negotiation',
      ['商务谈判', 'Negotiation'],
      80,
      {
        phase: phases.committing,
        goal: ['就价格和条款达成一致', 'Agree on price and terms'],
        done: ['客户口头承诺', 'The customer committed by word'],
        tools: [['谈判工作表', 'Negotiation worksheet']],
        days: 14,
        hint: ['谈判失败:练习谈判', 'Lost in negotiation: practise negotiation'],
      },
      [
        must('final-quote', 'quote', 5, '最终报价', 'Final quote'),
        may('oral-commitment', 'date', 5, '口头承诺日期', 'Day of the commitment by word'),
      ],
    ),
    stage(
      'signed',
      ['签约', 'Signed'],
      100,
      {
        phase: phases.committing,
        goal: ['签署合同', 'Sign the contract'],
        done: ['合同已签署', 'The contract is signed'],
        days: 7,
        outcome: 'won',
      },
      [must('signed-contract', 'contract', 20, '已签署的合同', 'Signed contract')],
    ),
  ],
}

const eightStages: Template = {
  key: 'eight-stages',
  name: say(['八阶段销售流程', 'Eight stages']),
  stages: [
    stage(
      'identified',
      ['识别', 'Identified'],
      5,
      {
        phase: phases.unaware,
        goal: ['确认客户符合我们的目标市场', 'Make sure that the customer is in our market'],
        done: ['客户画像完整', 'The profile of the customer is complete'],
        tools: [['客户画像表', 'Customer profile']],
        days: 7,
      },
      [must('profile', 'text', 5, '客户画像', 'Customer profile')],
    ),
    stage(
      'contacted',
      ['初步联系', 'First contact'],
      10,
      {
        phase: phases.need,
        goal: ['与客户建立联系', 'Get in touch with the customer'],
        done: ['客户同意进一步交流', 'The customer agrees to talk on'],
        tools: [['电话与邮件脚本', 'Scripts for calls and e-mails']],
        days: 14,
      },
      [
        must('contact', 'contact_role', 3, '联系人及其角色', 'Contact and role'),
        may('interest', 'tick', 2, '客户有兴趣', 'The customer is interested'),
      ],
    ),
    stage(
      'needs-analysed',
      ['需求分析', 'Needs analysis'],
      25,
      {
        phase: phases.need,
        goal: ['理解客户的业务难题与目标', 'Understand the customer’s pains and goals'],
        done: ['客户确认需求清单', 'The customer confirms the list of needs'],
        tools: [['需求调研表', 'Needs questionnaire']],
        days: 14,
      },
      [
        must('needs', 'text', 8, '需求清单', 'List of needs'),
        may('needs-visit', 'visit', 4, '需求访谈', 'Needs interview'),
        may('budget', 'money', 3, '预算', 'Budget'),
      ],
    ),
    stage(
      'solution-tailored',
      ['方案定制', 'Solution tailored'],
      40,
      {
        phase: phases.shaping,
        goal: ['提出契合需求的方案', 'Propose a solution that fits the needs'],
        done: ['客户认可方案', 'The customer accepts the solution'],
        tools: [
          ['方案模板', 'Solution template'],
          ['成功案例', 'Success stories'],
        ],
        days: 14,
      },
      [
        must('solution', 'file', 8, '方案', 'Solution'),
        may('demonstration', 'visit', 4, '演示', 'Demonstration'),
        may('solution-accepted', 'tick', 3, '方案已被认可', 'Solution is accepted'),
      ],
    ),
    stage(
      'quotation',
      ['报价', 'Quotation'],
      60,
      {
        phase: phases.evaluating,
        goal: ['提交报价并取得反馈', 'Hand in the quote and get an answer'],
        done: ['客户进入商务讨论', 'The customer talks about terms'],
        tools: [['报价模板', 'Quote template']],
        days: 14,
      },
      [
        must('quote-sent', 'quote', 12, '已发送的报价', 'Quote that was sent'),
        may('decision-way', 'text', 8, '客户的决策机制', 'How the customer decides'),
      ],
    ),
    stage(
      'negotiation',
      ['谈判', 'Negotiation'],
      80,
      {
        phase: phases.committing,
        goal: ['价格与条款达成一致', 'Agree on price and terms'],
        done: ['合同文本双方认可', 'Both sides accept the text'],
        tools: [['谈判工作表', 'Negotiation worksheet']],
        days: 14,
        hint: ['谈判失败:练习谈判', 'Lost in negotiation: practise negotiation'],
      },
      [
        must('contract-draft', 'contract', 12, '合同草案', 'Contract draft'),
        may('terms-agreed', 'tick', 8, '条款已达成一致', 'Terms are agreed'),
      ],
    ),
    stage(
      'signed',
      ['签约', 'Signed'],
      100,
      {
        phase: phases.committing,
        goal: ['签署合同', 'Sign the contract'],
        done: ['合同已签署', 'The contract is signed'],
        days: 7,
        outcome: 'won',
      },
      [must('signed-contract', 'contract', 20, '已签署的合同', 'Signed contract')],
    ),
    stage(
      'after-sales',
      ['售后', 'After-sales'],
      100,
      {
        phase: phases.using,
        goal: ['客户用得好并愿意推荐', 'The customer uses it well and recommends us'],
        done: ['交接给服务团队,完成首次回访', 'Handed over to service; first call-back is done'],
        tools: [['交接清单', 'Handover list']],
        days: 30,
        outcome: 'won',
      },
      [may('handover', 'tick', 0, '已交接服务团队', 'Handed over to service'), may('call-back', 'date', 0, '首次回访', 'First call-back')],
    ),
  ],
}

const dealControl: Template = {
  key: 'deal-control',
  name: say(['商机控制', 'Deal control']),
  stages: [
    stage(
      'business-development',
      ['业务开发 (A)', 'Business development (A)'],
      0,
      {
        phase: phases.shaping,
        goal: ['激发潜在客户的兴趣', 'Raise the interest of a possible customer'],
        done: ['客户愿意交谈', 'The customer is willing to talk'],
        tools: [
          ['电话邮件脚本', 'Scripts for calls and e-mails'],
          ['新业务开发模式', 'Pattern for new business'],
        ],
        days: 30,
      },
      [may('first-talk', 'date', 0, '首次交谈', 'First talk')],
    ),
    stage(
      'target-identified',
      ['目标识别 (G)', 'Target identified (G)'],
      10,
      {
        phase: phases.shaping,
        goal: ['客户认同一个要达到的目标', 'The customer takes up a goal'],
        done: ['客户说出目标并承认差距', 'The customer names the goal and admits the gap'],
        tools: [
          ['目标菜单', 'Menu of goals'],
          ['成功案例', 'Success stories'],
        ],
        days: 21,
      },
      [must('goal', 'text', 7, '客户的目标', 'The customer’s goal'), may('gap', 'text', 3, '与目标的差距', 'Gap to the goal')],
    ),
    stage(
      'solution-formed',
      ['方案形成', 'Solution formed'],
      15,
      {
        phase: phases.shaping,
        goal: ['与客户共同形成方案构想', 'Form the idea of the solution together'],
        done: ['客户能用自己的话说出方案', 'The customer tells the solution in their own words'],
        tools: [['方案形成提词 (SDP)', 'Solution development prompter (SDP)']],
        days: 14,
      },
      [must('solution-idea', 'text', 5, '方案构想', 'Idea of the solution')],
    ),
    stage(
      'supporter-qualified',
      ['支持者甄别', 'Supporter qualified'],
      25,
      {
        phase: phases.shaping,
        goal: ['确认支持者及其能引见的关键人物', 'Qualify the supporter and whom they can bring us to'],
        done: ['支持者信函已发出并被认可', 'The supporter letter is sent and agreed to'],
        tools: [['甄别提问', 'Qualifying questions']],
        days: 14,
      },
      [must('supporter', 'contact_role', 4, '支持者', 'Supporter'), must('supporter-letter', 'file', 6, '支持者信函', 'Supporter letter')],
    ),
    stage(
      'key-people-visited',
      ['关键人物拜访', 'Key people visited'],
      35,
      {
        phase: phases.evaluating,
        goal: ['了解每位关键人物要什么、想什么、怕什么', 'Learn what each key person wants, thinks and fears'],
        done: ['影响范围图完整', 'The influence map is complete'],
        tools: [
          ['拜访准备', 'Visit preparation'],
          ['针对性 SDP', 'SDP for the person'],
        ],
        days: 21,
      },
      [
        must('key-visit', 'visit', 5, '关键人物拜访', 'Visit to a key person'),
        must('influence-map', 'file', 5, '影响范围图', 'Influence map'),
      ],
    ),
    stage(
      'opportunity-qualified',
      ['机会甄别 (E)', 'Opportunity qualified (E)'],
      50,
      {
        phase: phases.evaluating,
        goal: ['确认值得继续投入', 'Make sure that it is worth going on'],
        done: ['客户认可价值总结与评估步骤', 'The customer agrees to value summary and steps of evaluation'],
        tools: [
          ['甄别提问', 'Qualifying questions'],
          ['SOE 模式', 'SOE pattern'],
        ],
        days: 14,
      },
      [
        must('value-summary', 'file', 8, '价值总结', 'Value summary'),
        must('soe-draft', 'file', 4, 'SOE 草稿', 'SOE draft'),
        may('power', 'contact_role', 3, '权力支持者', 'Power supporter'),
      ],
    ),
    stage(
      'opportunity-controlled',
      ['机会控制', 'Opportunity controlled'],
      75,
      {
        phase: phases.evaluating,
        goal: ['按共同的事件表推进到决策', 'Walk to the decision along a common list of events'],
        done: ['关键事件全部完成', 'All key events have taken place'],
        tools: [['关键项目事件表', 'List of key project events']],
        days: 30,
      },
      [
        must('key-events', 'file', 10, '关键项目事件表', 'List of key project events'),
        must('implementation-plan', 'file', 8, '实施计划', 'Implementation plan'),
        must('cost-benefit', 'file', 7, '成本效益表', 'Cost-benefit table'),
      ],
    ),
    stage(
      'negotiation',
      ['谈判', 'Negotiation'],
      90,
      {
        phase: phases.committing,
        goal: ['取得口头承诺并签署合同', 'Get the word, then the signature'],
        done: ['客户口头承诺 (90 %);签约即赢单 (W 100 %)', 'The customer gave their word (90 %); signing wins (W 100 %)'],
        tools: [['谈判工作表', 'Negotiation worksheet']],
        days: 14,
        hint: ['谈判失败 (L 0 %):练习谈判', 'Lost in negotiation (L 0 %): practise negotiation'],
      },
      [
        must('contract-draft', 'contract', 10, '合同', 'Contract'),
        may('oral-commitment', 'date', 5, '口头承诺日期', 'Day of the commitment by word'),
      ],
    ),
  ],
}

const simple: Template = {
  key: 'simple',
  name: say(['简明销售流程', 'Simple process']),
  stages: [
    stage(
      'prospecting',
      ['寻找潜在客户', 'Finding possible customers'],
      10,
      {
        phase: phases.unaware,
        goal: ['找到可能需要我们的客户', 'Find customers who may need us'],
        done: ['找到联系人', 'There is somebody to talk to'],
        days: 14,
      },
      [must('contact', 'contact_role', 10, '联系人及其角色', 'Contact and role')],
    ),
    stage(
      'intent-judged',
      ['判断意向客户', 'Judging intent'],
      30,
      {
        phase: phases.need,
        goal: ['判断客户是否真有意向', 'Judge whether the customer means it'],
        done: ['客户说明需求与时间', 'The customer tells need and time'],
        tools: [['演示', 'Demonstration']],
        days: 14,
        hint: ['客户没有兴趣:培训演示', 'No interest: train demonstration'],
      },
      [must('need', 'text', 12, '需求', 'Need'), may('wanted-by', 'date', 8, '希望日期', 'Wanted by')],
    ),
    stage(
      'quotation',
      ['报价', 'Quotation'],
      50,
      {
        phase: phases.evaluating,
        goal: ['提交报价', 'Hand in the quote'],
        done: ['客户收到并讨论报价', 'The customer has the quote and talks about it'],
        days: 14,
      },
      [must('quote-sent', 'quote', 20, '已发送的报价', 'Quote that was sent')],
    ),
    stage(
      'contract',
      ['合同', 'Contract'],
      80,
      {
        phase: phases.committing,
        goal: ['合同条款达成一致', 'Agree on the contract'],
        done: ['双方准备签署', 'Both sides are ready to sign'],
        tools: [['合同模板', 'Contract template']],
        days: 14,
        hint: ['合同丢失:培训谈判', 'Contract lost: train negotiation'],
      },
      [must('contract-draft', 'contract', 30, '合同草案', 'Contract draft')],
    ),
    stage(
      'closed',
      ['成交', 'Closed'],
      100,
      {
        phase: phases.committing,
        goal: ['签署合同', 'Sign the contract'],
        done: ['合同已签署', 'The contract is signed'],
        days: 7,
        outcome: 'won',
      },
      [must('signed-contract', 'contract', 20, '已签署的合同', 'Signed contract')],
    ),
  ],
}

/** The five shipped processes; the first is what a company without one begins with. */
export const templates: readonly [Template, ...Template[]] = [fiveStages, valueSelling, eightStages, dealControl, simple]
