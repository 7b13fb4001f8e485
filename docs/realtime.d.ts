// Made by `./crm manage docs` from the consumers' models. Edit those, not this.
//
//   const socket = new WebSocket(`wss://${host}/ws/notifications/`, ["bearer", token]);
//   const send = (message: Sockets["/ws/notifications/"]["up"]) => socket.send(JSON.stringify(message));
//   socket.onmessage = (event) => {
//     const message: Sockets["/ws/notifications/"]["down"] = JSON.parse(event.data);
//     if (message.type === "notification") show(message.notification);
//   };

/** Log in by the first message, or renew the login before its token expires. */
export interface Authenticate {
  type: "authenticate";
  /** An access token. */
  token: string;
}

/** A document that a message shows. */
export interface ChatAttachment {
  document: number;
}

/** The login is good, and one is a member. `last_change` counts sending, editing and deleting. */
export interface ChatConnected {
  type: "connected";
  conversation: number;
  last_number: number;
  last_change: number;
  last_read_number: number;
}

/** A message was sent, edited or deleted: as it is now. One with a known id takes the place of that. */
export interface ChatMessage {
  type: "message";
  change: number;
  message: ChatMessageBody;
}

/** A message, as `GET /api/chat/conversations/{id}/messages/{id}/` gives it. */
export interface ChatMessageBody {
  id: number;
  conversation: number;
  number: number;
  change: number;
  author: ChatPerson;
  body: string;
  reply_to: number | null;
  attachments: Array<ChatAttachment>;
  client_id: string;
  created_at: string;
  edited_at: string | null;
  deleted_at: string | null;
}

/** A user, as far as a member may know. */
export interface ChatPerson {
  id: number;
  name: string;
}

/** A member has read up to a message. */
export interface ChatRead {
  type: "read";
  user_id: number;
  number: number;
}

/** Ask for all that was sent, edited or deleted after a change that one knows. */
export interface ChatResume {
  type: "resume";
  last_change: number;
}

/** A member is writing. */
export interface ChatTyping {
  type: "typing";
  user: ChatPerson;
}

/** The login is good; `last_seq` is the number of the latest notification. */
export interface Connected {
  type: "connected";
  user_id: number;
  /** A number among the notifications of the user. */
  last_seq: number;
}

/** Figures of a dashboard changed: read `GET /api/analytics/{dashboard}/` again. None are told here. */
export interface DashboardChanged {
  type: "dashboard_changed";
  dashboard: "dashboard" | "leads" | "revenue" | "team";
  /** Keys of the tiles that may be out of date, sorted. Charts may be too; where only they changed this is empty. */
  tiles: Array<string>;
}

/** The login is good; changes of these dashboards are told from now on. */
export interface DashboardsConnected {
  type: "connected";
  user_id: number;
  dashboards: Array<"dashboard" | "leads" | "revenue" | "team">;
}

/** Delete one's own message, or another's where one runs the conversation. */
export interface DeleteMessage {
  type: "message.delete";
  id: number;
}

/** Write one's own message anew. */
export interface EditMessage {
  type: "message.edit";
  id: number;
  body: string;
}

/** A word to the others on a guarded channel that one follows. */
export interface GatewayClientEvent {
  event: string;
  /** `private-user-7`, `presence-team-3`, or a public one. */
  channel: string;
  data?: unknown;
}

/** Something was not taken; where the socket is closed, with the same code. */
export interface GatewayError {
  event: "pusher:error";
  data: GatewayFault;
}

/** The greeting; its data has `socket_id` and `activity_timeout`. */
export interface GatewayEstablished {
  event: "pusher:connection_established";
  /** JSON, as a text. */
  data: string;
}

/** What a channel carries: `notification`, the types of an application's events, what was triggered. */
export interface GatewayEvent {
  event: string;
  /** `private-user-7`, `presence-team-3`, or a public one. */
  channel: string;
  /** JSON, as a text. */
  data: string;
  /** Who said it, on a presence channel. */
  user_id?: string | null;
}

/** What is wrong, and its code. */
export interface GatewayFault {
  code: number;
  message: string;
}

/** Somebody came to a presence channel. */
export interface GatewayMemberAdded {
  event: "pusher_internal:member_added";
  /** `private-user-7`, `presence-team-3`, or a public one. */
  channel: string;
  /** JSON, as a text. */
  data: string;
}

/** Somebody left a presence channel. */
export interface GatewayMemberRemoved {
  event: "pusher_internal:member_removed";
  /** `private-user-7`, `presence-team-3`, or a public one. */
  channel: string;
  /** JSON, as a text. */
  data: string;
}

/** Ask whether the server is there; it answers `pusher:pong`. */
export interface GatewayPing {
  event: "pusher:ping";
}

/** The server asks whether the client is there. */
export interface GatewayPinged {
  event: "pusher:ping";
  /** JSON, as a text. */
  data: string;
}

/** The answer to the server's `pusher:ping`. */
export interface GatewayPong {
  event: "pusher:pong";
}

/** The answer to `pusher:ping`. */
export interface GatewayPonged {
  event: "pusher:pong";
  /** JSON, as a text. */
  data: string;
}

/** Follow a channel. */
export interface GatewaySubscribe {
  event: "pusher:subscribe";
  data: GatewaySubscription;
}

/** A channel is followed; of a presence channel the data has who is there. */
export interface GatewaySubscribed {
  event: "pusher_internal:subscription_succeeded";
  /** `private-user-7`, `presence-team-3`, or a public one. */
  channel: string;
  /** JSON, as a text. */
  data: string;
}

/** Which channel, and for a guarded one what `POST /api/realtime/auth/` gave. */
export interface GatewaySubscription {
  /** `private-user-7`, `presence-team-3`, or a public one. */
  channel: string;
  auth?: string | null;
  channel_data?: string | null;
}

/** A channel is not, or no longer, followed. */
export interface GatewaySubscriptionError {
  event: "pusher:subscription_error";
  /** `private-user-7`, `presence-team-3`, or a public one. */
  channel: string;
  /** JSON, as a text. */
  data: string;
}

/** Follow a channel no more. */
export interface GatewayUnsubscribe {
  event: "pusher:unsubscribe";
  data: GatewaySubscription;
}

/** Ask for `unread_count`. */
export interface GetUnreadCount {
  type: "get_unread_count";
}

/** Say that the client is there; send one at least every 90 seconds. */
export interface Heartbeat {
  type: "heartbeat";
}

/** The answer to `heartbeat`. */
export interface HeartbeatResponse {
  type: "heartbeat_response";
}

/** Mark notifications read; `notification_read` goes to all sockets of the user. */
export interface MarkRead {
  type: "mark_read";
  ids: Array<number>;
}

/** A notification, as `GET /api/users/notifications/{id}/` gives it. */
export interface NotificationBody {
  id: number;
  /** A number among the notifications of the user. */
  seq: number;
  notification_type: NotificationType;
  notification_type_display: string;
  event_type: string;
  title: string;
  body: string;
  application_id: number | null;
  subject_type: string;
  subject_id: number;
  is_read: boolean;
  read_at: string | null;
  created_at: string;
}

/** A notification, live or as replay after `resume`. */
export interface NotificationMessage {
  type: "notification";
  /** A number among the notifications of the user. */
  seq: number;
  notification: NotificationBody;
}

/** Some were read, here or elsewhere. */
export interface NotificationRead {
  type: "notification_read";
  ids: Array<number>;
}

/** What a notification is about; preferences are set per type. */
export type NotificationType = "application_status" | "repayment_upcoming" | "repayment_overdue" | "note_reminder" | "document_uploaded" | "signature_required" | "system" | "message" | "lead_assigned" | "appointment_reminder" | "scheduled_report";

/** Whether a watched user is there: after `watching`, and whenever it changes. */
export interface PresenceChanged {
  type: "presence";
  user_id: number;
  status: PresenceStatus;
  /** UTC; while offline only, null for never. */
  last_seen_at: string | null;
}

/** The login is good. */
export interface PresenceConnected {
  type: "connected";
  user_id: number;
}

/** Whether somebody is there at this moment. */
export type PresenceStatus = "online" | "away" | "offline";

/** Say how far one has read; all of it without a number. */
export interface ReadUpTo {
  type: "read";
  number?: number | null;
}

/** Ask for everything after a number that this socket has not been sent. */
export interface Resume {
  type: "resume";
  /** A number among the notifications of the user. */
  last_seq: number;
}

/** Send a message. It comes back as `message` like everybody's, with the same `client_id`. */
export interface SendMessage {
  type: "message.send";
  body?: string;
  reply_to?: number | null;
  attachments?: Array<number>;
  client_id?: string;
}

/** Say that the person at this login is away, or back; counts for all sockets of the login. */
export interface SetPresence {
  type: "status";
  status: "online" | "away";
}

/** A message could not be taken; the socket stays open. */
export interface SocketError {
  type: "error";
  /** `malformed`, `unknown_type`, `invalid`, `too_large`, or one of the socket's own. */
  code: string;
  detail: string;
}

/** Say that one is writing; the others are told, and nothing is kept. */
export interface Typing {
  type: "typing";
}

/** How many are unread: after `connected`, on request, and whenever it changes. */
export interface UnreadCount {
  type: "unread_count";
  count: number;
}

/** Watch these users instead of those before. Whom one may not see is left out. */
export interface WatchPresence {
  type: "watch";
  ids: Array<number>;
}

/** The users that are watched from now on: after `watch`, and when one may not be seen any more. */
export interface Watching {
  type: "watching";
  ids: Array<number>;
}

/** What is said at each address: `up` to the server, `down` to the client. */
export interface Sockets {
  "/ws/notifications/": {
    up: Authenticate | GetUnreadCount | Heartbeat | MarkRead | Resume;
    down: Connected | HeartbeatResponse | NotificationMessage | NotificationRead | SocketError | UnreadCount;
  };
  "/ws/notifications/{user_id}/": {
    up: Authenticate | GetUnreadCount | Heartbeat | MarkRead | Resume;
    down: Connected | HeartbeatResponse | NotificationMessage | NotificationRead | SocketError | UnreadCount;
  };
  "/ws/chat/{conversation_id}/": {
    up: Authenticate | ChatResume | DeleteMessage | EditMessage | Heartbeat | ReadUpTo | SendMessage | Typing;
    down: ChatConnected | ChatMessage | ChatRead | ChatTyping | HeartbeatResponse | SocketError;
  };
  "/ws/presence/": {
    up: Authenticate | Heartbeat | SetPresence | WatchPresence;
    down: HeartbeatResponse | PresenceChanged | PresenceConnected | SocketError | Watching;
  };
  "/ws/analytics/": {
    up: Authenticate | Heartbeat;
    down: DashboardChanged | DashboardsConnected | HeartbeatResponse | SocketError;
  };
  "/app/{key}": {
    up: GatewayClientEvent | GatewayPing | GatewayPong | GatewaySubscribe | GatewayUnsubscribe;
    down: GatewayError | GatewayEstablished | GatewayEvent | GatewayMemberAdded | GatewayMemberRemoved | GatewayPinged | GatewayPonged | GatewaySubscribed | GatewaySubscriptionError;
  };
}

/** With which the server closes a socket, besides 1000. */
export type CloseCode =
  /** A message of more than 1 MiB. */
  | 1009
  /** The server restarts; connect again. */
  | 1012
  /** No token in time, a bad or expired one, or the session or account has ended. */
  | 4401
  /** Not your address, or a token of somebody else. */
  | 4403
  /** No message for 90 seconds. */
  | 4408
  /** More than 60 messages in 10 seconds. */
  | 4429;
