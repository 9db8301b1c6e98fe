"""GMoE in PyTorch as fast as it goes: tokens sorted by expert and grouped products over one stacked pool, fused
attention, fused AdamW, a preallocated key-value cache, and torch.compile over the whole step where it is faster (that
is tried before the measurement). Written from the equations."""

import torch
import torch.nn.functional as F
from torch import nn

import common

LAYER_NAMES = {
    "ln_1.weight": "h.{}.ln_1.weight", "ln_1.bias": "h.{}.ln_1.bias",
    "ln_2.weight": "h.{}.ln_2.weight", "ln_2.bias": "h.{}.ln_2.bias",
    "qkv": "h.{}.attn.c_attn.weight", "qkv_bias": "h.{}.attn.c_attn.bias",
    "proj": "h.{}.attn.c_proj.weight", "proj_bias": "h.{}.attn.c_proj.bias",
    "local_in": "h.{}.moe.local.w_in", "local_out": "h.{}.moe.local.w_out",
    "h_ln.weight": "router.{}.h_ln.weight", "h_ln.bias": "router.{}.h_ln.bias",
    "z_ln.weight": "router.{}.prev_score_ln.weight", "z_ln.bias": "router.{}.prev_score_ln.bias",
    "z_proj": "router.{}.prev_score_proj", "gate": "router.{}.gate_head",
}


class Model(nn.Module):
    settings = ["eager", "compiled"]

    def __init__(self, config, weights):
        super().__init__()
        self.layers, self.heads, self.experts = config["layers"], config["heads"], config["experts"]
        self.d, self.positions, self.alpha = config["d_model"], config["positions"], config["balance.alpha"]

        def parameter(name):
            value = weights[name]
            return nn.Parameter(value.flatten() if value.size(0) == 1 else value)

        self.wte, self.wpe = parameter("wte"), parameter("wpe")
        self.own = nn.ModuleList()
        for number in range(self.layers):
            layer = nn.Module()
            for name, source in LAYER_NAMES.items():
                setattr(layer, name.replace(".", "_"), parameter(source.format(number)))
            self.own.append(layer)
        pool = (self.experts, config["d_ff"], self.d)
        self.pool_in = nn.Parameter(weights["experts.w_in"].view(pool))
        self.pool_out = nn.Parameter(weights["experts.w_out"].view(pool))
        self.w_ih, self.w_hh = parameter("router.gru.weight_ih"), parameter("router.gru.weight_hh")
        self.b_ih, self.b_hh = parameter("router.gru.bias_ih"), parameter("router.gru.bias_hh")
        self.ln_f_weight, self.ln_f_bias = parameter("ln_f.weight"), parameter("ln_f.bias")
        self.choose("eager")

    def choose(self, setting):
        torch.compiler.reset()
        self.setting = setting
        compiled = setting == "compiled"
        self.loss_now = torch.compile(self.plain_loss, dynamic=False) if compiled else self.plain_loss
        self.token_now = torch.compile(self.one_token, dynamic=False) if compiled else self.one_token

    def norm(self, x, weight, bias):
        return F.layer_norm(x, (x.size(-1),), weight, bias)

    def gru(self, x, h):
        from_x = F.linear(x, self.w_ih, self.b_ih)
        if h is None:  # the state is zero: its product is the bias
            from_h = self.b_hh.expand_as(from_x)
        else:
            from_h = F.linear(h, self.w_hh, self.b_hh)
        r_x, u_x, n_x = from_x.chunk(3, dim=-1)
        r_h, u_h, n_h = from_h.chunk(3, dim=-1)
        u = torch.sigmoid(u_x + u_h)
        n = torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h)
        return (1 - u) * n if h is None else n + u * (h - n)

    def route(self, layer, x, h, z):
        h = self.gru(x, h)
        propagated = x.new_zeros(x.size(0), self.experts) if z is None else z.detach()
        e = F.linear(self.norm(propagated, layer.z_ln_weight, layer.z_ln_bias), layer.z_proj)
        z = F.linear(torch.cat([self.norm(h, layer.h_ln_weight, layer.h_ln_bias), e], dim=-1), layer.gate)
        scores = torch.softmax(z, dim=-1)
        weight, chosen = scores.max(dim=-1)
        return h, z, scores, weight, chosen

    def pools(self):
        return common.lowered(self.pool_in.transpose(1, 2)), common.lowered(self.pool_out)

    def routed(self, x, weight, chosen, pools):
        order = torch.argsort(chosen, stable=True)
        counts = F.one_hot(chosen, self.experts).sum(dim=0)
        ends = counts.cumsum(dim=0).to(torch.int32)
        hidden = F.relu(F.grouped_mm(common.lowered(x)[order], pools[0], offs=ends))
        y = F.grouped_mm(hidden, pools[1], offs=ends) * weight[order].unsqueeze(-1)
        return torch.zeros_like(x, dtype=y.dtype).index_copy(0, order, y), counts

    def local(self, layer, x):
        return F.relu(x @ layer.local_in.t()) @ layer.local_out

    def plain_loss(self, tokens, targets):
        batch, length = tokens.shape
        u = (self.wte[tokens] + self.wpe[:length]).view(-1, self.d)
        h = z = None
        balance = 0.0
        pools = self.pools()
        for layer in self.own:
            qkv = torch.addmm(layer.qkv_bias, self.norm(u, layer.ln_1_weight, layer.ln_1_bias), layer.qkv)
            q, k, v = qkv.view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(-1, self.d)
            u = u + torch.addmm(layer.proj_bias, y, layer.proj)
            x = self.norm(u, layer.ln_2_weight, layer.ln_2_bias)
            h, z, scores, weight, chosen = self.route(layer, x, h, z)
            y, counts = self.routed(x, weight, chosen, pools)
            u = u + self.local(layer, x) + y
            balance = balance + self.experts * torch.sum(counts / x.size(0) * scores.mean(dim=0))
        logits = F.linear(self.norm(u, self.ln_f_weight, self.ln_f_bias), self.wte)
        return F.cross_entropy(logits, targets.flatten()) + self.alpha * balance / self.layers

    def loss(self, tokens, targets):
        return self.loss_now(tokens, targets)

    def attended(self, layer, u, q, k, v, **how):
        y = F.scaled_dot_product_attention(q[None], k[None], v[None], **how)
        return u + torch.addmm(layer.proj_bias, y[0].transpose(0, 1).reshape(u.shape), layer.proj)

    def qkv(self, layer, u):
        x = torch.addmm(layer.qkv_bias, self.norm(u, layer.ln_1_weight, layer.ln_1_bias), layer.qkv)
        return x.view(len(u), 3, self.heads, -1).permute(1, 2, 0, 3)

    def next_token(self, u):
        return F.linear(self.norm(u, self.ln_f_weight, self.ln_f_bias), self.wte).argmax(dim=-1)

    def read_prompt(self, prompt, keys, values):
        """The token that follows; the prompt's keys and values go into the caches."""
        u = self.wte[prompt] + self.wpe[:len(prompt)]
        h = z = None
        for number, layer in enumerate(self.own):
            q, k, v = self.qkv(layer, u)
            keys[number, :, :len(prompt)], values[number, :, :len(prompt)] = k, v
            u = self.attended(layer, u, q, k, v, is_causal=True)
            x = self.norm(u, layer.ln_2_weight, layer.ln_2_bias)
            h, z, _, weight, chosen = self.route(layer, x, h, z)
            u = u + self.local(layer, x) + self.routed(x, weight, chosen, self.pools())[0]
        return self.next_token(u[-1:])

    def one_token(self, token, position, keys, values, seen):
        """The token that follows `token`. Caches: layers x heads x positions x head."""
        u = self.wte[token] + self.wpe[position]
        # A compiled step sees the whole caches, masked; without compilation they are cut to what was read.
        masked = self.setting == "compiled"
        how = {"attn_mask": (torch.arange(seen) <= position).view(1, 1, 1, -1)} if masked else {}
        h = z = None
        for number, layer in enumerate(self.own):
            q, k, v = self.qkv(layer, u)
            keys[number].index_copy_(1, position, k)
            values[number].index_copy_(1, position, v)
            u = self.attended(layer, u, q, keys[number, :, :seen], values[number, :, :seen], **how)
            x = self.norm(u, layer.ln_2_weight, layer.ln_2_bias)
            h, z, _, weight, chosen = self.route(layer, x, h, z)
            if masked:
                w_in, w_out = self.pool_in[chosen][0], self.pool_out[chosen][0]
            else:
                expert = chosen.item()
                w_in, w_out = self.pool_in[expert], self.pool_out[expert]
            u = u + self.local(layer, x) + weight.unsqueeze(-1) * (F.relu(x @ w_in.t()) @ w_out)
        return self.next_token(u)

    def generate(self, prompt, count):
        shape = (self.layers, self.heads, self.positions, self.d // self.heads)
        keys, values = torch.zeros(shape), torch.zeros(shape)
        token = self.read_prompt(prompt, keys, values)
        made = [token.item()]
        for step in range(len(prompt), len(prompt) + count - 1):
            seen = self.positions if self.setting == "compiled" else step + 1
            token = self.token_now(token, torch.tensor([step]), keys, values, seen)
            made.append(token.item())
        return made


def optimizer(parameters):
    return torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True)


if __name__ == "__main__":
    common.main(Model, optimizer)
